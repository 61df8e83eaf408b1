-- A webhook is part of its assessment's row (migration 0009 says why). Transactions that write both lock the assessment
-- before its deliveries, so that they cannot deadlock.

-- name: find_webhook
SELECT id AS assessment_id, owner, webhook_url AS url, webhook_disabled_at AS disabled_at,
       webhook_disabled_reason AS disabled_reason
FROM assessments WHERE id = $1;

-- name: lock_secret
-- The stored secret, which nobody else can replace until the transaction ends.
SELECT webhook_secret FROM assessments WHERE id = $1 FOR NO KEY UPDATE;

-- name: register
-- Registers or replaces the webhook, and locks the assessment until the transaction ends. For $4 seconds more, messages
-- are signed with the replaced secret as well, unless $5 says that it is the same: encrypted twice, a secret looks
-- different. No row: the assessment has expired, so there will be no message.
WITH held AS (
    SELECT id, webhook_url, webhook_secret FROM assessments
    WHERE id = $1 AND status <> 'expired' AND NOT (status = 'in_progress' AND expires_at <= now())
    FOR NO KEY UPDATE
)
UPDATE assessments a
SET webhook_url = $2, webhook_secret = $3, webhook_disabled_at = NULL, webhook_disabled_reason = NULL,
    webhook_old_secret = CASE WHEN $5::boolean THEN a.webhook_old_secret ELSE held.webhook_secret END,
    webhook_old_secret_until = CASE WHEN $5::boolean THEN a.webhook_old_secret_until
                                    WHEN held.webhook_secret IS NOT NULL THEN now() + make_interval(secs => $4) END,
    revision = a.revision + (held.webhook_url IS DISTINCT FROM $2)::int
FROM held
WHERE a.id = held.id
RETURNING held.webhook_url IS NOT NULL AS replaced, held.webhook_url IS DISTINCT FROM $2 AS changed;

-- name: create_missing_final_delivery
-- The delivery for an assessment that was over before it had a webhook: of its newest result in its present edition, or
-- of its newest failed run. A delivery that exists is made due again only if it has failed or was cancelled.
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
UPDATE assessments
SET webhook_url = NULL, webhook_secret = NULL, webhook_old_secret = NULL, webhook_old_secret_until = NULL,
    webhook_disabled_at = NULL, webhook_disabled_reason = NULL, revision = revision + 1
WHERE id = $1 AND webhook_url IS NOT NULL
RETURNING id;

-- name: cancel_deliveries
-- Cancels pending deliveries and redeliveries of an assessment that has no enabled webhook. An attempt in progress is
-- still recorded when it ends.
WITH silent AS (
    SELECT id FROM assessments
    WHERE id = $1 AND (webhook_url IS NULL OR webhook_disabled_at IS NOT NULL)
    FOR NO KEY UPDATE
)
UPDATE webhook_deliveries d
SET status = CASE d.status WHEN 'pending' THEN 'cancelled' ELSE d.status END,
    next_attempt_at = NULL, redeliver_at = NULL, completed_at = coalesce(d.completed_at, now())
FROM silent
WHERE d.assessment_id = silent.id AND d.subscription_id IS NULL
  AND (d.status = 'pending' OR d.redeliver_at IS NOT NULL);

-- name: disable
-- Only if the URL is the one that was tried: another one may have been registered meanwhile.
UPDATE assessments SET webhook_disabled_at = now(), webhook_disabled_reason = $3
WHERE id = $1 AND webhook_url = $2 AND webhook_disabled_at IS NULL
RETURNING id;

-- name: claim
-- Claims a delivery that is due, or whose lease has run out, and returns what is needed to send it. No row: another
-- worker has it, or it is not due.
WITH claimed AS (
    UPDATE webhook_deliveries
    SET fence = fence + 1, lease_expires_at = now() + make_interval(secs => $2), dispatched_at = now()
    WHERE id = $1 AND due_at <= now()
    RETURNING id, assessment_id, subscription_id, fence, redeliver_at IS NOT NULL AS redelivery, scheduled_attempts,
              body
)
SELECT claimed.*, a.owner, receiver.url, receiver.disabled, receiver.secret,
       CASE WHEN receiver.old_secret_until > now() THEN receiver.old_secret END AS old_secret
FROM claimed
JOIN assessments a ON a.id = claimed.assessment_id,
LATERAL (
    SELECT a.webhook_url, a.webhook_disabled_at IS NOT NULL, a.webhook_secret, a.webhook_old_secret,
           a.webhook_old_secret_until
    WHERE claimed.subscription_id IS NULL
    UNION ALL
    SELECT s.url, s.disabled_at IS NOT NULL, s.secret, s.old_secret, s.old_secret_until
    FROM webhook_subscriptions s WHERE s.id = claimed.subscription_id
) AS receiver(url, disabled, secret, old_secret, old_secret_until);

-- name: read_event
-- The event of the delivery's run. A result that was fused again because of an override keeps its time of completion,
-- but the event happened at the time of the override. An appeal and its answer happen after the result, too.
SELECT d.assessment_id, d.subscription_id, a.owner, d.run, d.event_type, t.slug AS track, ended.completed_at,
       CASE WHEN d.edition > 0 OR d.question_id IS NOT NULL THEN d.created_at
            ELSE ended.completed_at END AS happened_at,
       r.body AS result,
       coalesce((r.body -> 'degraded_reasons')::jsonb, a.degraded_reasons) AS reasons,
       CASE WHEN ap.id IS NOT NULL THEN jsonb_build_object(
            'appeal_id', ap.id, 'question_id', ap.question_id, 'status', ap.status) END AS appeal
FROM webhook_deliveries d
JOIN assessments a ON a.id = d.assessment_id
JOIN tracks t ON t.id = a.track_id
LEFT JOIN appeals ap ON ap.assessment_id = d.assessment_id AND ap.question_id = d.question_id
LEFT JOIN results r ON r.assessment_id = d.assessment_id AND r.run = d.run
LEFT JOIN async_jobs f ON f.assessment_id = d.assessment_id AND f.run = d.run AND f.job_type = 'fusion',
LATERAL (SELECT coalesce((r.body ->> 'completed_at')::timestamptz, f.completed_at, d.created_at) AS completed_at)
    AS ended
WHERE d.id = $1;

-- name: write_body
-- Written once, so that all attempts send the same body. No row: the lease is lost.
UPDATE webhook_deliveries SET body = coalesce(body, $3)
WHERE id = $1 AND fence = $2 AND lease_expires_at IS NOT NULL
RETURNING body;

-- name: release
-- A delivery that was not attempted is due again after $3 seconds, as a redelivery or by the schedule as before.
UPDATE webhook_deliveries
SET lease_expires_at = NULL, dispatched_at = NULL,
    redeliver_at = CASE WHEN redeliver_at IS NOT NULL THEN now() + make_interval(secs => $3) END,
    next_attempt_at = CASE WHEN redeliver_at IS NULL AND next_attempt_at IS NOT NULL
                           THEN now() + make_interval(secs => $3) ELSE next_attempt_at END
WHERE id = $1 AND fence = $2 AND lease_expires_at IS NOT NULL
RETURNING id;

-- name: record_attempt
-- Records an attempt. $7 is the delivery's next status, NULL if it does not change; only a success changes a delivery
-- that is no longer pending. $3: the attempt was a redelivery, not one of the schedule. No row: the lease is lost.
WITH held AS (
    SELECT id,
           CASE WHEN $7::varchar = 'delivered' OR status = 'pending' THEN coalesce($7, status) ELSE status END AS next
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
-- One more attempt, due now. No row: one is in progress, there were $2 redeliveries already, or the last one was
-- requested less than $3 seconds ago.
UPDATE webhook_deliveries
SET redeliver_at = now(), dispatched_at = now(), redeliveries = redeliveries + 1, redelivered_at = now()
WHERE id = $1 AND (lease_expires_at IS NULL OR lease_expires_at < now())
  AND redeliveries < $2 AND coalesce(redelivered_at <= now() - make_interval(secs => $3), true)
RETURNING id, fence;

-- name: find_redeliveries
SELECT redeliveries, coalesce(lease_expires_at >= now(), false) AS in_progress FROM webhook_deliveries WHERE id = $1;

-- name: list_deliveries
-- A page of the deliveries to an assessment's own webhook, newest first.
SELECT d.id AS delivery_id, d.assessment_id, d.subscription_id, d.run, d.event_type, d.status, d.created_at,
       d.completed_at, least(d.next_attempt_at, d.redeliver_at) AS next_attempt_at, a.webhook_url AS url,
       d.attempts AS attempt_count, tries.attempts
FROM webhook_deliveries d
JOIN assessments a ON a.id = d.assessment_id,
LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('at', t.at, 'status_code', t.status_code,
                                                      'latency_ms', t.latency_ms, 'error', t.error)
                                   ORDER BY t.ordinal), '[]') AS attempts
         FROM webhook_attempts t WHERE t.delivery_id = d.id AND t.ordinal > d.attempts - 30) AS tries
WHERE d.assessment_id = $1 AND d.subscription_id IS NULL
  AND ($2::timestamptz IS NULL OR (d.created_at, d.id) < ($2, $3::uuid))
ORDER BY d.created_at DESC, d.id DESC LIMIT $4;

-- name: list_deliveries_of_all
-- A page of the deliveries of all assessments with one of these statuses, newest first.
SELECT d.id AS delivery_id, d.assessment_id, d.subscription_id, d.run, d.event_type, d.status, d.created_at,
       d.completed_at, least(d.next_attempt_at, d.redeliver_at) AS next_attempt_at,
       CASE WHEN d.subscription_id IS NULL THEN a.webhook_url ELSE s.url END AS url, d.attempts AS attempt_count,
       tries.attempts
FROM unnest($1::text[]) AS wanted(status),
LATERAL (SELECT * FROM webhook_deliveries
         WHERE webhook_deliveries.status = wanted.status
           AND (created_at, id) < (coalesce($3, 'infinity'::timestamptz),
                                   coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
         ORDER BY created_at DESC, id DESC LIMIT $2) AS d
CROSS JOIN LATERAL (SELECT webhook_url FROM assessments WHERE id = d.assessment_id OFFSET 0) AS a
LEFT JOIN webhook_subscriptions s ON s.id = d.subscription_id,
LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('at', t.at, 'status_code', t.status_code,
                                                      'latency_ms', t.latency_ms, 'error', t.error)
                                   ORDER BY t.ordinal), '[]') AS attempts
         FROM webhook_attempts t WHERE t.delivery_id = d.id AND t.ordinal > d.attempts - 30) AS tries
ORDER BY d.created_at DESC, d.id DESC LIMIT $2;

-- name: find_delivery
SELECT d.id AS delivery_id, d.assessment_id, d.subscription_id, d.run, d.event_type, d.status, d.created_at,
       d.completed_at, least(d.next_attempt_at, d.redeliver_at) AS next_attempt_at,
       CASE WHEN d.subscription_id IS NULL THEN a.webhook_url ELSE s.url END AS url, d.attempts AS attempt_count,
       tries.attempts
FROM webhook_deliveries d
JOIN assessments a ON a.id = d.assessment_id
LEFT JOIN webhook_subscriptions s ON s.id = d.subscription_id,
LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('at', t.at, 'status_code', t.status_code,
                                                      'latency_ms', t.latency_ms, 'error', t.error)
                                   ORDER BY t.ordinal), '[]') AS attempts
         FROM webhook_attempts t WHERE t.delivery_id = d.id AND t.ordinal > d.attempts - 30) AS tries
WHERE d.id = $1;

-- name: list_attempts
-- A page of a delivery's attempts before the $2th, the newest first.
SELECT ordinal, at, status_code, latency_ms, error FROM webhook_attempts
WHERE delivery_id = $1 AND ($2::integer IS NULL OR ordinal < $2)
ORDER BY ordinal DESC LIMIT $3;

-- name: take_unclaimed
-- Deliveries that are due, or whose lease has run out, and that were not notified in the last $1 seconds. The statement
-- marks them as notified, so that of all workers that look, only one notifies.
WITH missed AS (
    SELECT id FROM webhook_deliveries
    WHERE due_at <= now()
      AND coalesce(dispatched_at < greatest(due_at, now() - make_interval(secs => $1)), true)
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE webhook_deliveries d SET dispatched_at = now() FROM missed WHERE d.id = missed.id
RETURNING d.id, d.fence;

-- name: list_secrets
-- The stored secrets of the next webhooks by id.
SELECT id AS of, webhook_secret AS secret, webhook_old_secret AS old_secret
FROM assessments
WHERE webhook_secret IS NOT NULL AND ($1::uuid IS NULL OR id > $1)
ORDER BY id LIMIT $2;

-- name: replace_secrets
-- Stores the same secrets in another form. Those that somebody has replaced meanwhile are left as they are.
UPDATE assessments a SET webhook_secret = n.secret, webhook_old_secret = n.old_secret
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
    AS n(id, stored, stored_old, secret, old_secret)
WHERE a.id = n.id AND a.webhook_secret = n.stored AND a.webhook_old_secret IS NOT DISTINCT FROM n.stored_old
RETURNING a.id;
