-- The constraints of the version before would refuse these rows.
DELETE FROM audit_log WHERE entity IN ('feedback', 'webhook', 'person') OR action IN ('submit', 'erase', 'export');
ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_action_check,
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_action_check
        CHECK (action IN ('create', 'update', 'delete', 'retry', 'override', 'rescore', 'restore', 'rotate', 'revoke',
                          'confirm', 'reserve', 'release')),
    ADD CONSTRAINT audit_log_entity_check
        CHECK (entity IN ('track', 'question', 'credential', 'job', 'delivery', 'score', 'assessment', 'api_key'));
