-- name: try_lock
-- Whether no other transaction works on this key; held until the transaction ends.
SELECT pg_try_advisory_xact_lock(hashtextextended(jsonb_build_array($1::text, $2::text, $3::text)::text, 0));

-- name: find
SELECT fingerprint, status, location, body
FROM idempotency_keys WHERE owner = $1 AND path = $2 AND key = $3;

-- name: store
-- Nothing is stored if the owner has $9 keys.
INSERT INTO idempotency_keys (owner, path, key, fingerprint, status, location, body, expires_at)
SELECT $1, $2, $3, $4, $5, $6, $7, now() + make_interval(secs => $8)
FROM lock_owner($1, 0, 0, $9) AS counted WHERE counted.keys < $9
RETURNING true;

-- name: next_expiry
-- Seconds until the first of the owner's keys expires.
SELECT extract(epoch FROM min(expires_at) - now())::float8 FROM idempotency_keys WHERE owner = $1;

-- name: delete_expired
-- A batch of keys whose time is over.
WITH expired AS (
    SELECT owner, path, key FROM idempotency_keys WHERE expires_at < now()
    ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
DELETE FROM idempotency_keys k USING expired
WHERE k.owner = expired.owner AND k.path = expired.path AND k.key = expired.key;
