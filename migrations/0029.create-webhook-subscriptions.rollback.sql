DROP FUNCTION create_deliveries(uuid, integer, integer, text, uuid);
DELETE FROM webhook_attempts WHERE delivery_id IN (
    SELECT id FROM webhook_deliveries WHERE subscription_id IS NOT NULL OR question_id IS NOT NULL);
DELETE FROM webhook_deliveries WHERE subscription_id IS NOT NULL OR question_id IS NOT NULL;
DROP INDEX webhook_deliveries_subscription_idx;
ALTER TABLE webhook_deliveries
    DROP CONSTRAINT webhook_deliveries_once_key,
    DROP CONSTRAINT webhook_deliveries_question_fkey,
    DROP CONSTRAINT webhook_deliveries_event_type_check,
    DROP COLUMN once_for,
    DROP COLUMN question_id,
    DROP COLUMN subscription_id,
    ALTER COLUMN event_type TYPE varchar(20),
    ADD CONSTRAINT webhook_deliveries_event_type_check
        CHECK (event_type IN ('assessment.completed', 'assessment.failed', 'assessment.rescored')),
    ADD CONSTRAINT webhook_deliveries_once_key UNIQUE (assessment_id, run, edition, event_type);
DROP TABLE webhook_subscriptions;
