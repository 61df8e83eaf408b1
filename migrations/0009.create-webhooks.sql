-- Webhooks that are told of the end of an assessment, the deliveries of their messages, and each attempt.

-- The webhook is part of the assessment's row: the statement that ends an assessment updates that row, and so sees a
-- registration that was committed while it waited for the row. It would read another table as of its own start.
ALTER TABLE assessments
    ADD COLUMN webhook_secret text,
    -- The replaced secret; messages are signed with both for a while.
    ADD COLUMN webhook_old_secret text,
    ADD COLUMN webhook_old_secret_until timestamptz,
    ADD COLUMN webhook_disabled_at timestamptz,
    ADD COLUMN webhook_disabled_reason varchar(20),
    ADD CONSTRAINT assessments_webhook_check CHECK ((webhook_url IS NOT NULL) = (webhook_secret IS NOT NULL)),
    ADD CONSTRAINT assessments_webhook_old_secret_check
        CHECK ((webhook_old_secret IS NOT NULL) = (webhook_old_secret_until IS NOT NULL)),
    ADD CONSTRAINT assessments_webhook_disabled_check
        CHECK ((webhook_disabled_at IS NOT NULL) = (webhook_disabled_reason IS NOT NULL)),
    ADD CONSTRAINT assessments_webhook_reason_check CHECK (webhook_disabled_reason IN ('gone', 'attempts_failed'));

-- A message for each assessment, run and type; its id is the `webhook-id` of all attempts.
CREATE TABLE webhook_deliveries (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    assessment_id      uuid NOT NULL REFERENCES assessments,
    run                integer NOT NULL CHECK (run > 0),
    event_type         varchar(20) NOT NULL,
    -- Written by the first attempt and sent by all; text, since jsonb would change the order of the names.
    body               text,
    status             varchar(20) NOT NULL DEFAULT 'pending',
    -- All attempts, and those of the schedule, which are without redeliveries.
    attempts           integer NOT NULL DEFAULT 0,
    scheduled_attempts integer NOT NULL DEFAULT 0 CHECK (scheduled_attempts >= 0),
    -- Rises with each claim and never falls, like that of jobs.
    fence              bigint NOT NULL DEFAULT 0,
    lease_expires_at   timestamptz,
    next_attempt_at    timestamptz DEFAULT now(),
    -- When the requested redelivery is due, which does not depend on the schedule.
    redeliver_at       timestamptz,
    -- When a worker should claim it.
    due_at             timestamptz GENERATED ALWAYS AS (
        CASE WHEN next_attempt_at IS NOT NULL OR redeliver_at IS NOT NULL
             THEN coalesce(lease_expires_at, least(next_attempt_at, redeliver_at)) END
    ) STORED,
    dispatched_at      timestamptz,
    created_at         timestamptz NOT NULL DEFAULT now(),
    completed_at       timestamptz,
    CONSTRAINT webhook_deliveries_once_key UNIQUE (assessment_id, run, event_type),
    CONSTRAINT webhook_deliveries_event_type_check
        CHECK (event_type IN ('assessment.completed', 'assessment.failed', 'assessment.rescored')),
    CONSTRAINT webhook_deliveries_status_check CHECK (status IN ('pending', 'delivered', 'failed', 'cancelled')),
    CONSTRAINT webhook_deliveries_attempts_check CHECK (attempts >= scheduled_attempts),
    CONSTRAINT webhook_deliveries_schedule_check CHECK ((next_attempt_at IS NOT NULL) = (status = 'pending')),
    CONSTRAINT webhook_deliveries_completed_at_check CHECK ((completed_at IS NULL) = (status = 'pending'))
);
CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_newest_idx ON webhook_deliveries (status, created_at DESC, id DESC);

CREATE TABLE webhook_attempts (
    delivery_id uuid NOT NULL REFERENCES webhook_deliveries,
    ordinal     integer NOT NULL CHECK (ordinal > 0),
    at          timestamptz NOT NULL,
    status_code integer,
    latency_ms  integer NOT NULL CHECK (latency_ms >= 0),
    error       text,
    PRIMARY KEY (delivery_id, ordinal)
);

-- Redeliveries by admins are in the audit log.
ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_entity_check CHECK (entity IN ('track', 'question', 'credential', 'job', 'delivery'));
