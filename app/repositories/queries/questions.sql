-- name: find_question
-- The current version of an active question.
SELECT q.id AS question_id, q.current_version AS version, t.slug AS track, whole_question(v) AS body, q.sample
FROM questions q
JOIN tracks t ON t.id = q.track_id
JOIN question_versions v ON v.question_id = q.id AND v.version = q.current_version
WHERE q.id = $1 AND q.deleted_at IS NULL;

-- name: question_exists
-- Whether there is such a question, deleted or not.
SELECT EXISTS (SELECT FROM questions WHERE id = $1);

-- name: list_questions
-- A page of active questions in their current version, by id; of one track, or (NULL) of all; of one type, or of all.
SELECT q.id AS question_id, q.current_version AS version, t.slug AS track, whole_question(v) AS body, q.sample
FROM questions q
JOIN tracks t ON t.id = q.track_id AND t.deleted_at IS NULL
JOIN question_versions v ON v.question_id = q.id AND v.version = q.current_version
WHERE q.deleted_at IS NULL
  AND ($1::text IS NULL OR t.slug = $1)
  AND ($2::uuid IS NULL OR q.id > $2)
  AND ($4::text IS NULL OR q.type = $4)
ORDER BY q.id LIMIT $3;

-- name: list_deleted_questions
-- The same of deleted questions, whose track is active.
SELECT q.id AS question_id, q.current_version AS version, t.slug AS track, whole_question(v) AS body, q.sample
FROM questions q
JOIN tracks t ON t.id = q.track_id AND t.deleted_at IS NULL
JOIN question_versions v ON v.question_id = q.id AND v.version = q.current_version
WHERE q.deleted_at IS NOT NULL
  AND ($1::text IS NULL OR t.slug = $1)
  AND ($2::uuid IS NULL OR q.id > $2)
  AND ($4::text IS NULL OR q.type = $4)
ORDER BY q.id LIMIT $3;

-- name: list_question_versions
-- The versions of a question, deleted or not, newest first: those before $2, or (NULL) all.
SELECT v.version, whole_question(v) AS body, v.created_at
FROM question_versions v
WHERE v.question_id = $1 AND ($2::int IS NULL OR v.version < $2)
ORDER BY v.version DESC LIMIT $3;

-- name: create_question
-- Version 1 of a question. No row: the id exists, as that of sample data which was seeded before.
WITH created AS (
    INSERT INTO questions (id, track_id, type, sample) VALUES ($1, $2, $3, $5)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)
INSERT INTO question_versions (question_id, version, body, pinned, purpose)
SELECT id, 1, $4, $6, $7 FROM created
RETURNING version;

-- name: lock_question
-- Held until the transaction ends, so that two changes at once make two versions.
SELECT id FROM questions WHERE id = $1 AND deleted_at IS NULL FOR UPDATE;

-- name: lock_any_question
-- A question, deleted or not, locked until the transaction ends, and whether it and its track are deleted.
SELECT q.id AS question_id, q.current_version AS version, t.slug AS track, whole_question(v) AS body, q.sample,
       q.deleted_at IS NOT NULL AS deleted, t.deleted_at IS NOT NULL AS track_deleted
FROM questions q
JOIN tracks t ON t.id = q.track_id
JOIN question_versions v ON v.question_id = q.id AND v.version = q.current_version
WHERE q.id = $1
FOR UPDATE OF q;

-- name: restore_question
UPDATE questions SET deleted_at = NULL WHERE id = $1;

-- name: add_question_version
WITH raised AS (
    UPDATE questions SET current_version = current_version + 1
    WHERE id = $1 AND deleted_at IS NULL
    RETURNING id, current_version
)
INSERT INTO question_versions (question_id, version, body, pinned, purpose)
SELECT id, current_version, $2, $3, $4 FROM raised
RETURNING version;

-- name: delete_question
UPDATE questions SET deleted_at = now() WHERE id = $1 AND deleted_at IS NULL;

-- name: draw_questions
-- Active questions, as many of each type as wanted: the pinned ones, and random ones of the rest. Profile questions
-- come first, essays last.
SELECT question_id, version
FROM (
    SELECT q.id AS question_id, v.version, q.type,
           row_number() OVER (PARTITION BY q.type ORDER BY v.pinned DESC, random()) AS draw
    FROM questions q JOIN question_versions v ON v.question_id = q.id AND v.version = q.current_version
    WHERE q.track_id = $1 AND q.deleted_at IS NULL
) AS bank
WHERE draw <= CASE type WHEN 'theoretical' THEN $2::int WHEN 'profile' THEN $3::int ELSE $4::int END
ORDER BY array_position('{profile,theoretical,essay}'::text[], type::text), draw;

-- name: count_questions_of_tracks
-- How many active questions of each type these tracks have.
SELECT track_id, type, count(*) AS count FROM questions
WHERE track_id = ANY ($1::uuid[]) AND deleted_at IS NULL GROUP BY track_id, type;

-- name: count_questions
SELECT type, count(*) AS count FROM questions WHERE track_id = $1 AND deleted_at IS NULL GROUP BY type;
