-- name: record
-- Belongs to the transaction of the change.
INSERT INTO audit_log (actor, action, entity, key, after) VALUES ($1, $2, $3, $4, $5);
