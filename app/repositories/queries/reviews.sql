-- Each page begins after the sort value $3 (NULL: the least one) and the ids $4 and $5. The page is cut out
-- of the index of its order before anything is joined.

-- name: oldest
SELECT page.assessment_id, page.question_id, page.reasons, page.confidence, page.created_at AS waiting_since,
       page.shuffle_key, q.type AS question_type, t.slug AS track, a.owner, r.reserved_by, r.reserved_until
FROM (SELECT * FROM review_items
      WHERE (created_at, assessment_id, question_id) > (coalesce($3::timestamptz, '-infinity'), $4::uuid, $5::uuid)
        AND ($1::text IS NULL OR track_id = (SELECT id FROM tracks WHERE slug = $1))
        AND ($2::text IS NULL OR $2 = ANY(reasons))
      ORDER BY created_at, assessment_id, question_id LIMIT $6) AS page
JOIN assessments a ON a.id = page.assessment_id
JOIN tracks t ON t.id = page.track_id
JOIN questions q ON q.id = page.question_id
LEFT JOIN review_reservations r ON r.assessment_id = page.assessment_id AND r.question_id = page.question_id
                               AND r.reserved_until > now()
ORDER BY page.created_at, page.assessment_id, page.question_id;

-- name: least_confident
-- Without a score first.
SELECT page.assessment_id, page.question_id, page.reasons, page.confidence, page.created_at AS waiting_since,
       page.shuffle_key, q.type AS question_type, t.slug AS track, a.owner, r.reserved_by, r.reserved_until
FROM (SELECT * FROM review_items
      WHERE (coalesce(confidence, 0), assessment_id, question_id) > (coalesce($3::float8, -1), $4::uuid, $5::uuid)
        AND ($1::text IS NULL OR track_id = (SELECT id FROM tracks WHERE slug = $1))
        AND ($2::text IS NULL OR $2 = ANY(reasons))
      ORDER BY coalesce(confidence, 0), assessment_id, question_id LIMIT $6) AS page
JOIN assessments a ON a.id = page.assessment_id
JOIN tracks t ON t.id = page.track_id
JOIN questions q ON q.id = page.question_id
LEFT JOIN review_reservations r ON r.assessment_id = page.assessment_id AND r.question_id = page.question_id
                               AND r.reserved_until > now()
ORDER BY coalesce(page.confidence, 0), page.assessment_id, page.question_id;

-- name: shuffled
-- The same order for everybody, by numbers drawn when the items came.
SELECT page.assessment_id, page.question_id, page.reasons, page.confidence, page.created_at AS waiting_since,
       page.shuffle_key, q.type AS question_type, t.slug AS track, a.owner, r.reserved_by, r.reserved_until
FROM (SELECT * FROM review_items
      WHERE (shuffle_key, assessment_id, question_id) > (coalesce($3::float8, -1), $4::uuid, $5::uuid)
        AND ($1::text IS NULL OR track_id = (SELECT id FROM tracks WHERE slug = $1))
        AND ($2::text IS NULL OR $2 = ANY(reasons))
      ORDER BY shuffle_key, assessment_id, question_id LIMIT $6) AS page
JOIN assessments a ON a.id = page.assessment_id
JOIN tracks t ON t.id = page.track_id
JOIN questions q ON q.id = page.question_id
LEFT JOIN review_reservations r ON r.assessment_id = page.assessment_id AND r.question_id = page.question_id
                               AND r.reserved_until > now()
ORDER BY page.shuffle_key, page.assessment_id, page.question_id;

-- name: reserve
-- Of several people at the same moment one gets the item: the others wait for its row, and find it taken. No row:
-- another person holds it.
INSERT INTO review_reservations AS r (assessment_id, question_id, reserved_by, reserved_until)
VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
ON CONFLICT (assessment_id, question_id) DO UPDATE
SET reserved_by = excluded.reserved_by, reserved_until = excluded.reserved_until
WHERE r.reserved_by = excluded.reserved_by OR r.reserved_until <= now()
RETURNING reserved_until;

-- name: release
DELETE FROM review_reservations
WHERE assessment_id = $1 AND question_id = $2 AND (reserved_by = $3 OR reserved_until <= now())
RETURNING reserved_by;

-- name: seconds_reserved
-- How long another person still holds the item. No row: nobody does.
SELECT extract(epoch FROM reserved_until - now())::float8 FROM review_reservations
WHERE assessment_id = $1 AND question_id = $2 AND reserved_by <> $3 AND reserved_until > now();

-- name: end_reservation
DELETE FROM review_reservations WHERE assessment_id = $1 AND question_id = $2;

-- name: delete_expired
WITH expired AS (
    SELECT assessment_id, question_id FROM review_reservations WHERE reserved_until <= now()
    ORDER BY reserved_until LIMIT $1 FOR UPDATE SKIP LOCKED
)
DELETE FROM review_reservations r USING expired
WHERE r.assessment_id = expired.assessment_id AND r.question_id = expired.question_id;
