-- name: create
-- $7: when it expires at the latest, whatever its lifetime; NULL for no such limit.
INSERT INTO api_keys (id, name, roles, key_hash, created_by, lifetime, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, least(now() + $6, $7::timestamptz))
RETURNING id AS key_id, name, roles, created_by, created_at, lifetime, expires_at,
          last_used_at, replaced_by, revoked_at;

-- name: find
SELECT id AS key_id, name, roles, created_by, created_at, lifetime, expires_at,
       last_used_at, replaced_by, revoked_at
FROM api_keys WHERE id = $1 AND revoked_at IS NULL;

-- name: lock
-- Held until the transaction ends: of a rotation and a revocation at the same moment, the second sees the first.
SELECT id AS key_id, name, roles, created_by, created_at, lifetime, expires_at,
       last_used_at, replaced_by, revoked_at
FROM api_keys WHERE id = $1 AND revoked_at IS NULL FOR NO KEY UPDATE;

-- name: list
-- A page of keys, newest first; with $1 also the revoked ones.
SELECT id AS key_id, name, roles, created_by, created_at, lifetime, expires_at,
       last_used_at, replaced_by, revoked_at
FROM api_keys
WHERE ($1::boolean OR revoked_at IS NULL) AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
ORDER BY created_at DESC, id DESC LIMIT $4;

-- name: replace
-- The key goes on for so many seconds, unless it expires before.
UPDATE api_keys
SET replaced_by = $2, expires_at = least(expires_at, now() + make_interval(secs => $3))
WHERE id = $1 AND revoked_at IS NULL
RETURNING id AS key_id, name, roles, created_by, created_at, lifetime, expires_at,
          last_used_at, replaced_by, revoked_at;

-- name: revoke
UPDATE api_keys SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL
RETURNING id AS key_id, name, roles, created_by, created_at, lifetime, expires_at,
          last_used_at, replaced_by, revoked_at;

-- name: read_credentials
-- What decides whether keys are accepted, for all keys that requests are waiting for.
SELECT id AS key_id, key_hash, roles, expires_at, revoked_at IS NOT NULL AS revoked
FROM api_keys WHERE id = ANY($1::uuid[]);

-- name: record_uses
-- A use less than a minute after the recorded one is not written, whichever process knows of it.
UPDATE api_keys k SET last_used_at = used.at
FROM unnest($1::uuid[], $2::timestamptz[]) AS used(id, at)
WHERE k.id = used.id AND (k.last_used_at IS NULL OR used.at >= k.last_used_at + make_interval(secs => $3));
