-- Sessions of people who use the pages.

-- name: create
INSERT INTO sessions (id_hash, owner, roles, expires_at) VALUES ($1, $2, $3, to_timestamp($4));

-- name: find
SELECT owner, roles, expires_at FROM sessions WHERE id_hash = $1 AND expires_at > now();

-- name: delete
DELETE FROM sessions WHERE id_hash = $1;

-- name: end_oldest
DELETE FROM sessions WHERE id_hash IN (
    SELECT id_hash FROM sessions WHERE owner = $1 ORDER BY created_at DESC, id_hash OFFSET $2
);

-- name: delete_expired
DELETE FROM sessions WHERE id_hash IN (
    SELECT id_hash FROM sessions WHERE expires_at <= now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
);
