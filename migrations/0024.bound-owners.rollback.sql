DROP TABLE owner_budget;
CREATE INDEX assessments_waiting_idx ON assessments (id) WHERE status = 'submitted';
DROP INDEX assessments_waiting_owner_idx;
DROP FUNCTION lock_owner(text, integer, integer, integer);
