-- Service-wide webhooks. Transactions that write a subscription and its deliveries lock the subscription first, so that
-- they cannot deadlock. Their deliveries are created by `create_deliveries` (migration 0029) and sent by the statements
-- of webhooks.sql.

-- name: lock_all
-- Subscriptions are made one after the other, so that their number is exact.
SELECT pg_advisory_xact_lock(hashtextextended('webhook_subscriptions', 2));

-- name: create
-- No row: there are $6 subscriptions already.
WITH made AS (
    INSERT INTO webhook_subscriptions (id, url, secret, events, track_id, disabled_at)
    SELECT $1, $2, $3, $4::text[], $5::uuid, CASE WHEN $7::boolean THEN NULL ELSE now() END
    WHERE (SELECT count(*) FROM webhook_subscriptions WHERE deleted_at IS NULL) < $6
    RETURNING *
)
SELECT made.id AS subscription_id, made.url, made.events, t.slug AS track, made.created_at, made.disabled_at,
       made.disabled_reason
FROM made LEFT JOIN tracks t ON t.id = made.track_id;

-- name: find
SELECT s.id AS subscription_id, s.url, s.events, t.slug AS track, s.created_at, s.disabled_at, s.disabled_reason
FROM webhook_subscriptions s LEFT JOIN tracks t ON t.id = s.track_id
WHERE s.id = $1 AND s.deleted_at IS NULL;

-- name: lock
-- Held until the transaction ends. A joined track would be that of the row as it was before the wait for the lock.
SELECT id AS subscription_id, url, events, (SELECT slug FROM tracks WHERE tracks.id = track_id) AS track, created_at,
       disabled_at, disabled_reason
FROM webhook_subscriptions WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE;

-- name: read_secret
SELECT secret FROM webhook_subscriptions WHERE id = $1;

-- name: list
-- A page of subscriptions, newest first.
SELECT s.id AS subscription_id, s.url, s.events, t.slug AS track, s.created_at, s.disabled_at, s.disabled_reason
FROM webhook_subscriptions s LEFT JOIN tracks t ON t.id = s.track_id
WHERE s.deleted_at IS NULL AND ($1::timestamptz IS NULL OR (s.created_at, s.id) < ($1, $2::uuid))
ORDER BY s.created_at DESC, s.id DESC LIMIT $3;

-- name: change
-- Changes a locked subscription; the track stays if it is still the one with the slug $4, also a deleted one. One that
-- is active ($6) is enabled; one that was disabled before keeps the time and the reason.
WITH changed AS (
    UPDATE webhook_subscriptions s
    SET url = $2, events = $3::text[],
        track_id = CASE WHEN $4::text IS NULL THEN NULL
                        WHEN $4 = (SELECT slug FROM tracks WHERE id = s.track_id) THEN s.track_id ELSE $5::uuid END,
        disabled_at = CASE WHEN $6::boolean THEN NULL ELSE coalesce(s.disabled_at, now()) END,
        disabled_reason = CASE WHEN $6::boolean THEN NULL ELSE s.disabled_reason END
    WHERE id = $1 AND deleted_at IS NULL
    RETURNING *
)
SELECT changed.id AS subscription_id, changed.url, changed.events, t.slug AS track, changed.created_at,
       changed.disabled_at, changed.disabled_reason
FROM changed LEFT JOIN tracks t ON t.id = changed.track_id;

-- name: replace_secret
-- For $3 seconds more, messages are signed with the replaced secret as well.
UPDATE webhook_subscriptions
SET secret = $2, old_secret = secret, old_secret_until = now() + make_interval(secs => $3)
WHERE id = $1 AND deleted_at IS NULL;

-- name: remove
UPDATE webhook_subscriptions
SET url = NULL, secret = NULL, old_secret = NULL, old_secret_until = NULL, deleted_at = now()
WHERE id = $1 AND deleted_at IS NULL
RETURNING id;

-- name: cancel_deliveries
-- Cancels pending deliveries and redeliveries of a subscription that is deleted or disabled. An attempt in progress is
-- still recorded when it ends. All of these, and no others, have a time when they are due: by its index they are found
-- among all that were ever sent.
WITH silent AS (
    SELECT id FROM webhook_subscriptions
    WHERE id = $1 AND (deleted_at IS NOT NULL OR disabled_at IS NOT NULL)
    FOR NO KEY UPDATE
)
UPDATE webhook_deliveries d
SET status = CASE d.status WHEN 'pending' THEN 'cancelled' ELSE d.status END,
    next_attempt_at = NULL, redeliver_at = NULL, completed_at = coalesce(d.completed_at, now())
FROM silent
WHERE d.subscription_id = silent.id AND d.due_at IS NOT NULL;

-- name: disable
-- Only if the URL is the one that was tried: it may have been changed meanwhile.
UPDATE webhook_subscriptions SET disabled_at = now(), disabled_reason = $3
WHERE id = $1 AND url = $2 AND disabled_at IS NULL
RETURNING id;

-- name: list_deliveries
-- A page of a subscription's deliveries, newest first.
SELECT d.id AS delivery_id, d.assessment_id, d.subscription_id, d.run, d.event_type, d.status, d.created_at,
       d.completed_at, least(d.next_attempt_at, d.redeliver_at) AS next_attempt_at, s.url,
       d.attempts AS attempt_count, tries.attempts
FROM webhook_deliveries d
JOIN webhook_subscriptions s ON s.id = d.subscription_id,
LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('at', t.at, 'status_code', t.status_code,
                                                      'latency_ms', t.latency_ms, 'error', t.error)
                                   ORDER BY t.ordinal), '[]') AS attempts
         FROM webhook_attempts t WHERE t.delivery_id = d.id AND t.ordinal > d.attempts - 30) AS tries
WHERE d.subscription_id = $1 AND ($2::timestamptz IS NULL OR (d.created_at, d.id) < ($2, $3::uuid))
ORDER BY d.created_at DESC, d.id DESC LIMIT $4;

-- name: list_secrets
-- The stored secrets of the next subscriptions by id.
SELECT id AS of, secret, old_secret FROM webhook_subscriptions
WHERE secret IS NOT NULL AND ($1::uuid IS NULL OR id > $1)
ORDER BY id LIMIT $2;

-- name: replace_secrets
-- Stores the same secrets in another form. Those that somebody has replaced meanwhile are left as they are.
UPDATE webhook_subscriptions s SET secret = n.secret, old_secret = n.old_secret
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
    AS n(id, stored, stored_old, secret, old_secret)
WHERE s.id = n.id AND s.secret = n.stored AND s.old_secret IS NOT DISTINCT FROM n.stored_old
RETURNING s.id;
