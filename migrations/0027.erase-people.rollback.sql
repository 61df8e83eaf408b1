DROP FUNCTION forget_person_in_audit_log(text, text);
DROP FUNCTION forget_things_in_audit_log(text[], text);
DROP INDEX assessments_oldest_idx, idempotency_keys_thing_idx, audit_log_thing_idx, audit_log_actor_idx;
DROP TABLE erasure_model_calls;
DROP TABLE erasures;
