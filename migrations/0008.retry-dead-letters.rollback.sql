-- The version before has no retries, and its constraints would refuse these rows.
DELETE FROM audit_log WHERE action = 'retry' OR entity = 'job';

ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_action_check,
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_action_check CHECK (action IN ('create', 'update', 'delete')),
    ADD CONSTRAINT audit_log_entity_check CHECK (entity IN ('track', 'question', 'credential'));

DROP INDEX async_jobs_newest_idx;
