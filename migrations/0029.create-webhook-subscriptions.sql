-- Service-wide webhooks: subscriptions to the events of all assessments, or of those of a track. Their messages are
-- deliveries like those of an assessment's own webhook.

CREATE TABLE webhook_subscriptions (
    id               uuid PRIMARY KEY,
    -- A subscription that was deleted stays for its deliveries, without its address and secrets.
    url              text,
    secret           text,
    -- The replaced secret; messages are signed with both for a while.
    old_secret       text,
    old_secret_until timestamptz,
    events           text[] NOT NULL,
    -- NULL: all tracks.
    track_id         uuid REFERENCES tracks,
    -- With a reason, the service has disabled it; without, an admin has.
    disabled_at      timestamptz,
    disabled_reason  varchar(20),
    created_at       timestamptz NOT NULL DEFAULT now(),
    deleted_at       timestamptz,
    CONSTRAINT webhook_subscriptions_events_check CHECK (cardinality(events) > 0 AND events <@ ARRAY[
        'assessment.completed', 'assessment.failed', 'assessment.rescored', 'assessment.appealed',
        'assessment.appeal_answered']),
    CONSTRAINT webhook_subscriptions_deleted_check
        CHECK ((url IS NULL) = (deleted_at IS NOT NULL) AND (secret IS NULL) = (deleted_at IS NOT NULL)),
    CONSTRAINT webhook_subscriptions_old_secret_check CHECK ((old_secret IS NULL) = (old_secret_until IS NULL)),
    CONSTRAINT webhook_subscriptions_disabled_check CHECK (disabled_at IS NOT NULL OR disabled_reason IS NULL),
    CONSTRAINT webhook_subscriptions_reason_check CHECK (disabled_reason IN ('gone', 'attempts_failed'))
);
CREATE INDEX webhook_subscriptions_newest_idx ON webhook_subscriptions (created_at DESC, id DESC)
    WHERE deleted_at IS NULL;

-- Once for each assessment, run, edition and type as before, and now for each receiver, and for each question that an
-- appeal is about. The generated column makes one key of both: in a key, NULL would equal nothing.
ALTER TABLE webhook_deliveries
    ALTER COLUMN event_type TYPE varchar(40),
    -- NULL: the webhook of the assessment.
    ADD COLUMN subscription_id uuid REFERENCES webhook_subscriptions,
    ADD COLUMN question_id uuid,
    ADD COLUMN once_for text NOT NULL GENERATED ALWAYS AS (
        coalesce(subscription_id::text, '') || '/' || coalesce(question_id::text, '')) STORED,
    ADD CONSTRAINT webhook_deliveries_question_fkey
        FOREIGN KEY (assessment_id, question_id) REFERENCES assessment_questions,
    DROP CONSTRAINT webhook_deliveries_event_type_check,
    ADD CONSTRAINT webhook_deliveries_event_type_check CHECK (event_type IN (
        'assessment.completed', 'assessment.failed', 'assessment.rescored', 'assessment.appealed',
        'assessment.appeal_answered')),
    DROP CONSTRAINT webhook_deliveries_once_key,
    ADD CONSTRAINT webhook_deliveries_once_key UNIQUE (assessment_id, run, edition, event_type, once_for);
CREATE INDEX webhook_deliveries_subscription_idx ON webhook_deliveries (subscription_id, created_at DESC, id DESC)
    WHERE subscription_id IS NOT NULL;

-- Creates the deliveries of an event: to the webhook of the assessment and to every subscription that is for it. What
-- changes an assessment calls it in the same statement, with the assessment's row locked. Being volatile, the function
-- sees what was committed while that statement waited for the lock: a webhook that was registered or a subscription
-- that was made meanwhile gets the event. It returns the delivery to the assessment's own webhook, of which the caller
-- notifies a worker; the others are left to the relay, so that an event with many receivers costs its caller nothing.
CREATE FUNCTION create_deliveries(of_assessment uuid, of_run integer, of_edition integer, event text,
                                  about uuid DEFAULT NULL)
RETURNS TABLE (due_id uuid, due_fence bigint) LANGUAGE plpgsql VOLATILE ROWS 1 AS $$
BEGIN
    INSERT INTO webhook_deliveries (assessment_id, run, edition, event_type, question_id, subscription_id)
    SELECT a.id, of_run, of_edition, event, about, s.id
    FROM assessments a JOIN webhook_subscriptions s ON s.track_id IS NULL OR s.track_id = a.track_id
    WHERE a.id = of_assessment AND event = ANY(s.events) AND s.deleted_at IS NULL AND s.disabled_at IS NULL
    ON CONFLICT ON CONSTRAINT webhook_deliveries_once_key DO NOTHING;
    RETURN QUERY
    INSERT INTO webhook_deliveries AS d (assessment_id, run, edition, event_type, question_id, dispatched_at)
    SELECT a.id, of_run, of_edition, event, about, now()
    FROM assessments a
    WHERE a.id = of_assessment AND a.webhook_url IS NOT NULL AND a.webhook_disabled_at IS NULL
    ON CONFLICT ON CONSTRAINT webhook_deliveries_once_key DO NOTHING
    RETURNING d.id, d.fence;
END $$;
