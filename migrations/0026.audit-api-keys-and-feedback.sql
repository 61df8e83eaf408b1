-- The audit log also has feedback by staff, what API keys change like students, and exports and erasures of people.

ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_action_check,
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_action_check
        CHECK (action IN ('create', 'update', 'delete', 'retry', 'override', 'rescore', 'restore', 'rotate', 'revoke',
                          'confirm', 'reserve', 'release', 'submit', 'erase', 'export')),
    ADD CONSTRAINT audit_log_entity_check
        CHECK (entity IN ('track', 'question', 'credential', 'job', 'delivery', 'score', 'assessment', 'api_key',
                          'feedback', 'webhook', 'person'));
