-- name: record
-- What an admin wrote, in the transaction of the write.
INSERT INTO audit_log (actor, action, entity, key, after) VALUES ($1, $2, $3, $4, $5);
