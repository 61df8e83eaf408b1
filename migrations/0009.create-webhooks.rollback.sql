-- The version before has no deliveries, and its constraint would refuse these rows.
DELETE FROM audit_log WHERE entity = 'delivery';

ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_entity_check CHECK (entity IN ('track', 'question', 'credential', 'job'));

DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;

-- The version before would send nothing to these URLs, but show them in the status.
UPDATE assessments SET webhook_url = NULL, webhook_secret = NULL, revision = revision + 1
WHERE webhook_url IS NOT NULL;

ALTER TABLE assessments
    DROP COLUMN webhook_secret,
    DROP COLUMN webhook_old_secret,
    DROP COLUMN webhook_old_secret_until,
    DROP COLUMN webhook_disabled_at,
    DROP COLUMN webhook_disabled_reason;
