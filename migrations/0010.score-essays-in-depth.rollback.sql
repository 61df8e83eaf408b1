DELETE FROM audit_log WHERE action IN ('override', 'rescore');
ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_action_check,
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_action_check CHECK (action IN ('create', 'update', 'delete', 'retry')),
    ADD CONSTRAINT audit_log_entity_check CHECK (entity IN ('track', 'question', 'credential', 'job', 'delivery'));
DROP TABLE essay_healing;
DROP TABLE healing_turn;
DELETE FROM webhook_attempts WHERE delivery_id IN (SELECT id FROM webhook_deliveries WHERE edition > 0);
DELETE FROM webhook_deliveries WHERE edition > 0;
ALTER TABLE webhook_deliveries
    DROP CONSTRAINT webhook_deliveries_once_key,
    DROP COLUMN edition,
    ADD CONSTRAINT webhook_deliveries_once_key UNIQUE (assessment_id, run, event_type);
ALTER TABLE results DROP COLUMN edition;
DROP INDEX assessments_degraded_idx;
DROP INDEX assessments_review_idx;
ALTER TABLE assessments DROP COLUMN needs_review, DROP COLUMN overrides_version;
DROP TABLE score_overrides;
DROP TABLE model_budget;
DROP INDEX model_calls_newest_idx;
DROP INDEX model_calls_bought_idx;
ALTER TABLE model_calls DROP COLUMN fingerprint;
ALTER TABLE async_jobs DROP COLUMN mode;
