-- name: record
-- Belongs to the transaction of the change.
INSERT INTO audit_log (actor, action, entity, key, after) VALUES ($1, $2, $3, $4, $5) RETURNING id;

-- name: page
-- Changes in the order in which they were recorded, between the ids $6 and $7. A principal begins with the `sub`,
-- before a tab.
SELECT id, at, actor, action, entity, key, after ->> 'reason' AS reason, after
FROM audit_log
WHERE id > $6 AND id < $7
  AND ($1::text IS NULL OR actor = $1 OR split_part(actor, E'\t', 1) = $1)
  AND ($2::text IS NULL OR entity = $2)
  AND ($3::text IS NULL OR key = $3 OR entity = 'person' AND split_part(key, E'\t', 1) = $3)
  AND ($4::timestamptz IS NULL OR at >= $4)
  AND ($5::timestamptz IS NULL OR at < $5)
ORDER BY id LIMIT $8;

-- name: page_newest_first
-- The same, the newest first, before the id $6 (NULL: from the newest on).
SELECT id, at, actor, action, entity, key, after ->> 'reason' AS reason, after
FROM audit_log
WHERE ($6::bigint IS NULL OR id < $6)
  AND ($1::text IS NULL OR actor = $1 OR split_part(actor, E'\t', 1) = $1)
  AND ($2::text IS NULL OR entity = $2)
  AND ($3::text IS NULL OR key = $3 OR entity = 'person' AND split_part(key, E'\t', 1) = $3)
  AND ($4::timestamptz IS NULL OR at >= $4)
  AND ($5::timestamptz IS NULL OR at < $5)
ORDER BY id DESC LIMIT $7;
