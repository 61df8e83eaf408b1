-- The version before has no API keys, and its constraints would refuse these rows.
DELETE FROM audit_log WHERE entity = 'api_key';
ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_action_check,
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_action_check
        CHECK (action IN ('create', 'update', 'delete', 'retry', 'override', 'rescore', 'restore')),
    ADD CONSTRAINT audit_log_entity_check
        CHECK (entity IN ('track', 'question', 'credential', 'job', 'delivery', 'score', 'assessment'));
DROP TABLE api_keys;
