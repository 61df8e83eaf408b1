-- The version before knows no deliveries, and its check would refuse their rows.
DELETE FROM audit_log WHERE entity = 'delivery';

ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_entity_check CHECK (entity IN ('track', 'question', 'credential', 'job'));

DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;

-- Nothing would be sent there any more, and the status shows it.
UPDATE assessments SET webhook_url = NULL, webhook_secret = NULL, revision = revision + 1
WHERE webhook_url IS NOT NULL;

ALTER TABLE assessments
    DROP COLUMN webhook_secret,
    DROP COLUMN webhook_old_secret,
    DROP COLUMN webhook_old_secret_until,
    DROP COLUMN webhook_disabled_at,
    DROP COLUMN webhook_disabled_reason;
