-- Restored tracks and questions in the audit log.

ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_action_check,
    ADD CONSTRAINT audit_log_action_check
        CHECK (action IN ('create', 'update', 'delete', 'restore', 'retry', 'override', 'rescore'));
