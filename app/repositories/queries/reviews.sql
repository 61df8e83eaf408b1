-- Each page begins after the sort value $3 (NULL: the least one) and the ids $4 and $5. What it filters and sorts by is
-- in the index of its order, so that nothing else is read of the items that it passes over; a rare reason ($2) is found
-- by an index of its own. OFFSET 0 has what is shown of an item looked up one by one: the planner does not know how
-- short a page is.

-- name: oldest
SELECT queue.*
FROM (SELECT created_at, assessment_id, question_id FROM review_items
      WHERE (created_at, assessment_id, question_id) > (coalesce($3::timestamptz, '-infinity'), $4::uuid, $5::uuid)
        AND ($1::text IS NULL OR track_id = (SELECT id FROM tracks WHERE slug = $1))
        AND ($2::text IS NULL OR reasons @> ARRAY[$2::text])
      ORDER BY created_at, assessment_id, question_id LIMIT $6) AS page
CROSS JOIN LATERAL (SELECT * FROM quoted_review_queue q WHERE q.assessment_id = page.assessment_id
                                                          AND q.question_id = page.question_id OFFSET 0) AS queue
ORDER BY page.created_at, page.assessment_id, page.question_id;

-- name: least_confident
-- Without a score first.
SELECT queue.*
FROM (SELECT coalesce(confidence, 0) AS least, assessment_id, question_id FROM review_items
      WHERE (coalesce(confidence, 0), assessment_id, question_id) > (coalesce($3::float8, -1), $4::uuid, $5::uuid)
        AND ($1::text IS NULL OR track_id = (SELECT id FROM tracks WHERE slug = $1))
        AND ($2::text IS NULL OR reasons @> ARRAY[$2::text])
      ORDER BY coalesce(confidence, 0), assessment_id, question_id LIMIT $6) AS page
CROSS JOIN LATERAL (SELECT * FROM quoted_review_queue q WHERE q.assessment_id = page.assessment_id
                                                          AND q.question_id = page.question_id OFFSET 0) AS queue
ORDER BY page.least, page.assessment_id, page.question_id;

-- name: shuffled
-- The same order for everybody, by numbers drawn when the items came.
SELECT queue.*
FROM (SELECT shuffle_key, assessment_id, question_id FROM review_items
      WHERE (shuffle_key, assessment_id, question_id) > (coalesce($3::float8, -1), $4::uuid, $5::uuid)
        AND ($1::text IS NULL OR track_id = (SELECT id FROM tracks WHERE slug = $1))
        AND ($2::text IS NULL OR reasons @> ARRAY[$2::text])
      ORDER BY shuffle_key, assessment_id, question_id LIMIT $6) AS page
CROSS JOIN LATERAL (SELECT * FROM quoted_review_queue q WHERE q.assessment_id = page.assessment_id
                                                          AND q.question_id = page.question_id OFFSET 0) AS queue
ORDER BY page.shuffle_key, page.assessment_id, page.question_id;

-- The pages before an item, nearest first. They begin before the sort value $3 and the ids $4 and $5.

-- name: oldest_before
SELECT queue.*
FROM (SELECT created_at, assessment_id, question_id FROM review_items
      WHERE (created_at, assessment_id, question_id) < ($3::timestamptz, $4::uuid, $5::uuid)
        AND ($1::text IS NULL OR track_id = (SELECT id FROM tracks WHERE slug = $1))
        AND ($2::text IS NULL OR reasons @> ARRAY[$2::text])
      ORDER BY created_at DESC, assessment_id DESC, question_id DESC LIMIT $6) AS page
CROSS JOIN LATERAL (SELECT * FROM quoted_review_queue q WHERE q.assessment_id = page.assessment_id
                                                          AND q.question_id = page.question_id OFFSET 0) AS queue
ORDER BY page.created_at DESC, page.assessment_id DESC, page.question_id DESC;

-- name: least_confident_before
SELECT queue.*
FROM (SELECT coalesce(confidence, 0) AS least, assessment_id, question_id FROM review_items
      WHERE (coalesce(confidence, 0), assessment_id, question_id) < ($3::float8, $4::uuid, $5::uuid)
        AND ($1::text IS NULL OR track_id = (SELECT id FROM tracks WHERE slug = $1))
        AND ($2::text IS NULL OR reasons @> ARRAY[$2::text])
      ORDER BY coalesce(confidence, 0) DESC, assessment_id DESC, question_id DESC LIMIT $6) AS page
CROSS JOIN LATERAL (SELECT * FROM quoted_review_queue q WHERE q.assessment_id = page.assessment_id
                                                          AND q.question_id = page.question_id OFFSET 0) AS queue
ORDER BY page.least DESC, page.assessment_id DESC, page.question_id DESC;

-- name: shuffled_before
SELECT queue.*
FROM (SELECT shuffle_key, assessment_id, question_id FROM review_items
      WHERE (shuffle_key, assessment_id, question_id) < ($3::float8, $4::uuid, $5::uuid)
        AND ($1::text IS NULL OR track_id = (SELECT id FROM tracks WHERE slug = $1))
        AND ($2::text IS NULL OR reasons @> ARRAY[$2::text])
      ORDER BY shuffle_key DESC, assessment_id DESC, question_id DESC LIMIT $6) AS page
CROSS JOIN LATERAL (SELECT * FROM quoted_review_queue q WHERE q.assessment_id = page.assessment_id
                                                          AND q.question_id = page.question_id OFFSET 0) AS queue
ORDER BY page.shuffle_key DESC, page.assessment_id DESC, page.question_id DESC;

-- name: find
SELECT * FROM quoted_review_queue WHERE assessment_id = $1 AND question_id = $2;

-- name: count
SELECT count(*) FROM review_items
WHERE ($1::text IS NULL OR track_id = (SELECT id FROM tracks WHERE slug = $1))
  AND ($2::text IS NULL OR reasons @> ARRAY[$2::text]);

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
-- With $4 only the reservation until then: a later one of the same person stays.
DELETE FROM review_reservations
WHERE assessment_id = $1 AND question_id = $2 AND (reserved_by = $3 OR reserved_until <= now())
  AND ($4::timestamptz IS NULL OR reserved_until = $4)
RETURNING reserved_by;

-- name: seconds_reserved
-- How long another person still holds the item. No row: nobody does.
SELECT extract(epoch FROM reserved_until - now())::float8 FROM review_reservations
WHERE assessment_id = $1 AND question_id = $2 AND reserved_by <> $3 AND reserved_until > now();

-- name: reservation
SELECT assessment_id, question_id, reserved_by, reserved_until FROM review_reservations
WHERE assessment_id = $1 AND question_id = $2 AND reserved_until > now();

-- name: end_reservation
DELETE FROM review_reservations WHERE assessment_id = $1 AND question_id = $2;

-- name: delete_expired
WITH expired AS (
    SELECT assessment_id, question_id FROM review_reservations WHERE reserved_until <= now()
    ORDER BY reserved_until LIMIT $1 FOR UPDATE SKIP LOCKED
)
DELETE FROM review_reservations r USING expired
WHERE r.assessment_id = expired.assessment_id AND r.question_id = expired.question_id;
