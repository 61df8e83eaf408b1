-- Callbacks that tell of the end of an assessment, and each try to deliver them.

-- The registration is part of the assessment's row: the statement that ends an assessment updates that row, and so finds
-- a registration that was committed while it waited for it. Another table it would read as of its own beginning.
ALTER TABLE assessments
    ADD COLUMN webhook_secret text,
    -- The one before; messages are signed with both for a while.
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

-- One message for each assessment, run and type; its id is the `webhook-id` of all its tries.
CREATE TABLE webhook_deliveries (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    assessment_id      uuid NOT NULL REFERENCES assessments,
    run                integer NOT NULL CHECK (run > 0),
    event_type         varchar(20) NOT NULL,
    -- Written for the first try and sent with each; text, since jsonb would put the names into an order of its own.
    body               text,
    status             varchar(20) NOT NULL DEFAULT 'pending',
    -- All tries, and those of the schedule: redeliveries come on top.
    attempts           integer NOT NULL DEFAULT 0,
    scheduled_attempts integer NOT NULL DEFAULT 0 CHECK (scheduled_attempts >= 0),
    -- Grows with each claim and never shrinks, as that of jobs does.
    fence              bigint NOT NULL DEFAULT 0,
    lease_expires_at   timestamptz,
    next_attempt_at    timestamptz DEFAULT now(),
    -- When somebody asked for one more try, whatever has become of the schedule.
    redeliver_at       timestamptz,
    -- When someone should be at it.
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

-- Redeliveries by admins leave a row.
ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_entity_check CHECK (entity IN ('track', 'question', 'credential', 'job', 'delivery'));
