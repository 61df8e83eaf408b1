-- The version before counts confirmations as overrides; its constraint refuses the new actions of the audit log.
DELETE FROM audit_log WHERE action IN ('confirm', 'reserve', 'release');
ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_action_check,
    ADD CONSTRAINT audit_log_action_check
        CHECK (action IN ('create', 'update', 'delete', 'retry', 'override', 'rescore', 'restore', 'rotate', 'revoke'));
DROP TRIGGER results_ask_people ON results;
DROP FUNCTION update_review_items();
DROP FUNCTION review_reasons(json);
DROP TABLE review_reservations;
DROP TABLE review_items;
ALTER TABLE score_overrides DROP COLUMN confirmed, DROP COLUMN dimensions;
