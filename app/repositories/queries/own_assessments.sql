-- Assessments as their owner sees them on the first page.

-- name: open_assessments
SELECT a.id AS assessment_id, t.slug AS track, t.name AS track_name, a.expires_at,
       extract(epoch FROM a.expires_at - now())::float8 AS seconds_left,
       (SELECT count(*) FROM responses r WHERE r.assessment_id = a.id) AS answered,
       (SELECT count(*) FROM assessment_questions q WHERE q.assessment_id = a.id) AS questions
FROM assessments a JOIN tracks t ON t.id = a.track_id
WHERE a.owner = $1 AND a.status IS NOT DISTINCT FROM 'in_progress' AND a.expires_at > now()
ORDER BY a.expires_at, a.id LIMIT $2;

-- name: page_of_ended
-- A page of those that are not open, newest first, with the percentage of the newest result.
SELECT a.id AS assessment_id, t.name AS track_name, a.created_at, a.submitted_at,
       CASE WHEN a.status = 'in_progress' THEN 'expired' ELSE a.status END AS status,
       CASE WHEN a.status = 'in_progress' THEN a.expires_at ELSE a.completed_at END AS completed_at,
       (SELECT (r.body #>> '{overall,percentage}')::float8
        FROM results r WHERE r.assessment_id = a.id ORDER BY r.run DESC LIMIT 1) AS percentage
FROM assessments a JOIN tracks t ON t.id = a.track_id
WHERE a.owner = $1 AND (a.status <> 'in_progress' OR a.expires_at <= now())
  AND ($2::timestamptz IS NULL OR (a.created_at, a.id) < ($2, $3::uuid))
ORDER BY a.created_at DESC, a.id DESC LIMIT $4;

-- name: offered_tracks
-- Active tracks by name, with the attempts that the owner has used of those permitted (as in `read_attempts` of
-- assessments.sql) and their open assessment.
SELECT t.slug, t.name, t.description, t.question_mix, t.attempts AS permitted, former.used, now() AS now,
       CASE WHEN t.retake_after_hours > 0
            THEN former.ended_at + t.retake_after_hours * interval '1 hour' END AS next_at,
       (SELECT o.id FROM assessments o
        WHERE o.owner = $1 AND o.track_id = t.id AND o.status IS NOT DISTINCT FROM 'in_progress'
          AND o.expires_at > now()) AS open_id
FROM tracks t,
LATERAL (
    SELECT coalesce(greatest(count(*), max(attempt)), 0) AS used,
           max(coalesce(submitted_at, expires_at)) AS ended_at
    FROM assessments WHERE owner = $1 AND track_id = t.id
) AS former
WHERE t.deleted_at IS NULL
ORDER BY t.name, t.slug LIMIT $2;
