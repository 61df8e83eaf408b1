-- Appeals. What writes needs the assessment locked (`lock` in assessments.sql).

-- name: add
-- No row: the question was appealed before.
INSERT INTO appeals (id, assessment_id, question_id, text) VALUES ($1, $2, $3, $4)
ON CONFLICT ON CONSTRAINT appeals_once_key DO NOTHING
RETURNING id;

-- name: answer
-- No row: it was answered already.
UPDATE appeals SET status = $2, reply = $3, answered_by = $4, answered_at = now() WHERE id = $1 AND status = 'open'
RETURNING answered_at;

-- name: add_to_queue
INSERT INTO review_items AS i (assessment_id, question_id, track_id, reasons, confidence)
SELECT id, $2, track_id, '{appeal}', $3 FROM assessments WHERE id = $1
ON CONFLICT (assessment_id, question_id) DO UPDATE SET reasons = i.reasons || '{appeal}';

-- name: remove_from_queue
-- What has other reasons stays for these.
WITH kept AS (
    UPDATE review_items SET reasons = array_remove(reasons, 'appeal')
    WHERE assessment_id = $1 AND question_id = $2 AND reasons <> '{appeal}'
)
DELETE FROM review_items WHERE assessment_id = $1 AND question_id = $2 AND reasons = '{appeal}';

-- name: announce
-- Shows that the question $2 was appealed or its appeal answered: raises the revision, and creates the deliveries of
-- the event $3 (`create_deliveries`, migration 0029). A question has one appeal, so each event happens to it once.
WITH shown AS (
    UPDATE assessments a
    SET revision = a.revision + 1,
        needs_review = EXISTS (SELECT FROM review_items i WHERE i.assessment_id = a.id)
    WHERE a.id = $1
    RETURNING a.id
), newest AS (
    SELECT r.run, r.edition FROM results r WHERE r.assessment_id = $1 ORDER BY r.run DESC LIMIT 1
)
SELECT created.due_id AS id, created.due_fence AS fence
FROM shown, newest, create_deliveries(shown.id, newest.run, newest.edition, $3, $2) AS created;

-- name: of_assessment
SELECT question_id, id AS appeal_id, status, text, created_at, reply, answered_at FROM appeals WHERE assessment_id = $1;

-- name: find
SELECT ap.id AS appeal_id, ap.status, ap.text, ap.created_at, ap.reply, ap.answered_at, ap.assessment_id,
       ap.question_id, q.type AS question_type, t.slug AS track, a.owner, ap.answered_by,
       points.actor AS points_by
FROM appeals ap
JOIN assessments a ON a.id = ap.assessment_id
JOIN tracks t ON t.id = a.track_id
JOIN questions q ON q.id = ap.question_id
LEFT JOIN LATERAL (SELECT o.actor FROM score_overrides o
                   WHERE o.assessment_id = ap.assessment_id AND o.question_id = ap.question_id
                   ORDER BY o.id DESC LIMIT 1) AS points ON true
WHERE ap.id = $1;

-- name: page
-- Those in one of the statuses $1, longest waiting first, after the time $2 and the id $3. Each status has its part of
-- the index, and OFFSET 0 has assessments looked up one by one.
SELECT ap.id AS appeal_id, ap.status, ap.text, ap.created_at, ap.reply, ap.answered_at, ap.assessment_id,
       ap.question_id, q.type AS question_type, t.slug AS track, a.owner, ap.answered_by,
       points.actor AS points_by
FROM unnest($1::text[]) AS wanted(status),
LATERAL (SELECT * FROM appeals
         WHERE appeals.status = wanted.status
           AND (created_at, id) > (coalesce($2::timestamptz, '-infinity'), $3::uuid)
         ORDER BY created_at, id LIMIT $4) AS ap
CROSS JOIN LATERAL (SELECT track_id, owner FROM assessments WHERE id = ap.assessment_id OFFSET 0) AS a
JOIN tracks t ON t.id = a.track_id
JOIN questions q ON q.id = ap.question_id
LEFT JOIN LATERAL (SELECT o.actor FROM score_overrides o
                   WHERE o.assessment_id = ap.assessment_id AND o.question_id = ap.question_id
                   ORDER BY o.id DESC LIMIT 1) AS points ON true
ORDER BY ap.created_at, ap.id LIMIT $4;

-- name: knows_other_staff
-- Whether a person beside $1 has done in the last $2 days what only advisors and admins may do. Keys are no people, and
-- a pseudonym is a person who is gone.
SELECT EXISTS (
    SELECT FROM audit_log
    WHERE at > now() - make_interval(days => $2)
      AND action IN ('override', 'confirm', 'reserve', 'release', 'rescore', 'answer')
      AND actor <> ALL($1::text[]) AND actor NOT LIKE 'key:%' AND actor NOT LIKE 'erased-%');
