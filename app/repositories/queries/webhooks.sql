-- Webhooks stand in the rows of their assessments (migration 0009 says why). Where a transaction writes both, it takes
-- the assessment first and its deliveries then, so that two of them never wait for each other.

-- name: find_webhook
SELECT id AS assessment_id, owner, webhook_url AS url, webhook_disabled_at AS disabled_at,
       webhook_disabled_reason AS disabled_reason
FROM assessments WHERE id = $1;

-- name: register
-- Registers or replaces, and holds the assessment until the transaction ends. A replaced secret signs for $4 seconds
-- more. No row: the assessment has expired, so nothing will ever be told of it.
WITH held AS (
    SELECT id, webhook_url, webhook_secret FROM assessments
    WHERE id = $1 AND status <> 'expired' AND NOT (status = 'in_progress' AND expires_at <= now())
    FOR NO KEY UPDATE
)
UPDATE assessments a
SET webhook_url = $2, webhook_secret = $3, webhook_disabled_at = NULL, webhook_disabled_reason = NULL,
    webhook_old_secret = CASE WHEN held.webhook_secret = $3 THEN a.webhook_old_secret ELSE held.webhook_secret END,
    webhook_old_secret_until = CASE WHEN held.webhook_secret = $3 THEN a.webhook_old_secret_until
                                    WHEN held.webhook_secret IS NOT NULL THEN now() + make_interval(secs => $4) END,
    revision = a.revision + (held.webhook_url IS DISTINCT FROM $2)::int
FROM held
WHERE a.id = held.id
RETURNING held.webhook_url IS NOT NULL AS replaced, held.webhook_url IS DISTINCT FROM $2 AS changed;

-- name: announce_end
-- The message of an assessment that ended before there was a webhook: of its newest result, fused as often as it was by
-- now, or of the newest run without one. A message that is there already is sent only if it was given up or cancelled.
INSERT INTO webhook_deliveries AS d (assessment_id, run, edition, event_type, dispatched_at)
SELECT a.id, ended.run, ended.edition, ended.event_type, now()
FROM assessments a,
LATERAL (
    (SELECT r.run, r.edition,
            CASE WHEN r.edition > 0 OR count(*) OVER () > 1 THEN 'assessment.rescored' ELSE 'assessment.completed' END
            AS event_type
     FROM results r WHERE a.status = 'completed' AND r.assessment_id = a.id
     ORDER BY r.run DESC LIMIT 1)
    UNION ALL
    SELECT max(j.run), 0, 'assessment.failed'
    FROM async_jobs j
    WHERE a.status = 'failed' AND j.assessment_id = a.id AND j.job_type = 'fusion' AND j.status = 'failed'
) AS ended
WHERE a.id = $1 AND ended.run IS NOT NULL
ON CONFLICT ON CONSTRAINT webhook_deliveries_once_key DO UPDATE
SET status = 'pending', scheduled_attempts = 0, next_attempt_at = now(), dispatched_at = now(), completed_at = NULL
WHERE d.status IN ('failed', 'cancelled')
RETURNING d.id, d.fence;

-- name: remove
-- No row: there is none.
UPDATE assessments
SET webhook_url = NULL, webhook_secret = NULL, webhook_old_secret = NULL, webhook_old_secret_until = NULL,
    webhook_disabled_at = NULL, webhook_disabled_reason = NULL, revision = revision + 1
WHERE id = $1 AND webhook_url IS NOT NULL
RETURNING id;

-- name: cancel
-- No more tries for the messages of an assessment that has no webhook (any more), and no redeliveries; a try on its way
-- still says how it ended.
WITH silent AS (
    SELECT id FROM assessments
    WHERE id = $1 AND (webhook_url IS NULL OR webhook_disabled_at IS NOT NULL)
    FOR NO KEY UPDATE
)
UPDATE webhook_deliveries d
SET status = CASE d.status WHEN 'pending' THEN 'cancelled' ELSE d.status END,
    next_attempt_at = NULL, redeliver_at = NULL, completed_at = coalesce(d.completed_at, now())
FROM silent
WHERE d.assessment_id = silent.id AND (d.status = 'pending' OR d.redeliver_at IS NOT NULL);

-- name: disable
-- Only the webhook that was tried: another one may have been registered meanwhile.
UPDATE assessments SET webhook_disabled_at = now(), webhook_disabled_reason = $3
WHERE id = $1 AND webhook_url = $2 AND webhook_disabled_at IS NULL
RETURNING id;

-- name: claim
-- Takes a message that is due, or whose worker let its lease run out, with what it needs to be sent. No row: someone
-- else has it.
WITH claimed AS (
    UPDATE webhook_deliveries
    SET fence = fence + 1, lease_expires_at = now() + make_interval(secs => $2), dispatched_at = now()
    WHERE id = $1 AND due_at <= now()
    RETURNING id, assessment_id, fence, redeliver_at IS NOT NULL AS redelivery, scheduled_attempts, body
)
SELECT claimed.*, a.webhook_url AS url, a.webhook_disabled_at IS NOT NULL AS disabled, a.webhook_secret AS secret,
       CASE WHEN a.webhook_old_secret_until > now() THEN a.webhook_old_secret END AS old_secret
FROM claimed JOIN assessments a ON a.id = claimed.assessment_id;

-- name: read_event
-- What a message tells, of the run that it is about. A result that was fused again because of an override has the time
-- of its completion still; the message is of the moment of the override.
SELECT d.assessment_id, d.run, d.event_type, t.slug AS track, ended.completed_at,
       CASE WHEN d.edition > 0 THEN d.created_at ELSE ended.completed_at END AS happened_at,
       (r.body -> 'overall')::jsonb AS overall,
       coalesce((r.body -> 'degraded_reasons')::jsonb, a.degraded_reasons) AS reasons
FROM webhook_deliveries d
JOIN assessments a ON a.id = d.assessment_id
JOIN tracks t ON t.id = a.track_id
LEFT JOIN results r ON r.assessment_id = d.assessment_id AND r.run = d.run
LEFT JOIN async_jobs f ON f.assessment_id = d.assessment_id AND f.run = d.run AND f.job_type = 'fusion',
LATERAL (SELECT coalesce((r.body ->> 'completed_at')::timestamptz, f.completed_at, d.created_at) AS completed_at)
    AS ended
WHERE d.id = $1;

-- name: write_body
-- Once: all tries send the same. No row: the lease is lost.
UPDATE webhook_deliveries SET body = coalesce(body, $3)
WHERE id = $1 AND fence = $2 AND lease_expires_at IS NOT NULL
RETURNING body;

-- name: put_back
-- A message that was not tried waits for $3 seconds more; what it waits for stays what it was.
UPDATE webhook_deliveries
SET lease_expires_at = NULL, dispatched_at = NULL,
    redeliver_at = CASE WHEN redeliver_at IS NOT NULL THEN now() + make_interval(secs => $3) END,
    next_attempt_at = CASE WHEN redeliver_at IS NULL AND next_attempt_at IS NOT NULL
                           THEN now() + make_interval(secs => $3) ELSE next_attempt_at END
WHERE id = $1 AND fence = $2 AND lease_expires_at IS NOT NULL
RETURNING id;

-- name: record_attempt
-- What a try came to, with what becomes of the message: $7 is its next status, NULL where nothing changes; failures
-- change only what is pending. $3 says that the try was none of the schedule's. No row: the lease is lost.
WITH held AS (
    SELECT id, CASE WHEN $7::varchar = 'delivered' OR status = 'pending' THEN coalesce($7, status) ELSE status END AS next
    FROM webhook_deliveries
    WHERE id = $1 AND fence = $2 AND lease_expires_at IS NOT NULL
    FOR NO KEY UPDATE
), tried AS (
    UPDATE webhook_deliveries d
    SET status = held.next, attempts = d.attempts + 1, lease_expires_at = NULL, dispatched_at = NULL,
        scheduled_attempts = d.scheduled_attempts + CASE WHEN $3::boolean THEN 0 ELSE 1 END,
        redeliver_at = CASE WHEN $3::boolean OR held.next = 'delivered' THEN NULL ELSE d.redeliver_at END,
        next_attempt_at = CASE WHEN held.next <> 'pending' THEN NULL
                               WHEN $7 = 'pending' THEN now() + make_interval(secs => $8) ELSE d.next_attempt_at END,
        completed_at = CASE WHEN held.next <> 'pending' THEN coalesce(d.completed_at, now()) END
    FROM held
    WHERE d.id = held.id
    RETURNING d.id, d.attempts
)
INSERT INTO webhook_attempts (delivery_id, ordinal, at, status_code, latency_ms, error)
SELECT id, attempts, now() - make_interval(secs => $5::int / 1000.0), $4, $5, $6 FROM tried
RETURNING delivery_id;

-- name: redeliver
-- One more try, now. No row: the message is on its way.
UPDATE webhook_deliveries SET redeliver_at = now(), dispatched_at = now()
WHERE id = $1 AND (lease_expires_at IS NULL OR lease_expires_at < now())
RETURNING id, fence;

-- name: list_deliveries
-- A page of an assessment's messages, newest first.
SELECT d.id AS delivery_id, d.assessment_id, d.run, d.event_type, d.status, d.created_at, d.completed_at,
       least(d.next_attempt_at, d.redeliver_at) AS next_attempt_at, a.webhook_url AS url, tries.attempts
FROM webhook_deliveries d
JOIN assessments a ON a.id = d.assessment_id,
LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('at', t.at, 'status_code', t.status_code,
                                                      'latency_ms', t.latency_ms, 'error', t.error)
                                   ORDER BY t.ordinal), '[]') AS attempts
         FROM webhook_attempts t WHERE t.delivery_id = d.id) AS tries
WHERE d.assessment_id = $1 AND ($2::timestamptz IS NULL OR (d.created_at, d.id) < ($2, $3::uuid))
ORDER BY d.created_at DESC, d.id DESC LIMIT $4;

-- name: list_newest
-- Messages of all assessments with one of these statuses, newest first.
SELECT d.id AS delivery_id, d.assessment_id, d.run, d.event_type, d.status, d.created_at, d.completed_at,
       least(d.next_attempt_at, d.redeliver_at) AS next_attempt_at, a.webhook_url AS url, tries.attempts
FROM unnest($1::text[]) AS wanted(status),
LATERAL (SELECT * FROM webhook_deliveries
         WHERE webhook_deliveries.status = wanted.status ORDER BY created_at DESC, id DESC LIMIT $2) AS d
JOIN assessments a ON a.id = d.assessment_id,
LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('at', t.at, 'status_code', t.status_code,
                                                      'latency_ms', t.latency_ms, 'error', t.error)
                                   ORDER BY t.ordinal), '[]') AS attempts
         FROM webhook_attempts t WHERE t.delivery_id = d.id) AS tries
ORDER BY d.created_at DESC, d.id DESC LIMIT $2;

-- name: find_delivery
SELECT d.id AS delivery_id, d.assessment_id, d.run, d.event_type, d.status, d.created_at, d.completed_at,
       least(d.next_attempt_at, d.redeliver_at) AS next_attempt_at, a.webhook_url AS url, tries.attempts
FROM webhook_deliveries d
JOIN assessments a ON a.id = d.assessment_id,
LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('at', t.at, 'status_code', t.status_code,
                                                      'latency_ms', t.latency_ms, 'error', t.error)
                                   ORDER BY t.ordinal), '[]') AS attempts
         FROM webhook_attempts t WHERE t.delivery_id = d.id) AS tries
WHERE d.id = $1;

-- name: take_unheard
-- Messages that someone should be sending: due and not rung for lately, or with a lease that ran out. They are noted as
-- rung for in the same statement, so that of all workers that look, one rings.
WITH unheard AS (
    SELECT id FROM webhook_deliveries
    WHERE due_at <= now()
      AND coalesce(dispatched_at < greatest(due_at, now() - make_interval(secs => $1)), true)
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE webhook_deliveries d SET dispatched_at = now() FROM unheard WHERE d.id = unheard.id
RETURNING d.id, d.fence;
