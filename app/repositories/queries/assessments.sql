-- An assessment past its time is shown as expired even before `expire_overdue` has ended it, with the revision that it
-- will have then, which is one higher. An attempt without a number, of an earlier version, is not the last one.
--
-- An assessment that is found by its id or owner has to be open by IS NOT DISTINCT FROM. With `=`, the planner would
-- also consider the indexes of all that are open, and take one if none was open at the last ANALYZE, which a large
-- table seldom gets: thousands who begin at the same time would all be read by each.

-- name: read_assessment
-- An assessment with its questions and responses, all of the same moment; for a submission also the reply stored for
-- the idempotency key $2 to $4, and how many submissions of all, submissions of the owner and keys of the caller there
-- are, counted up to $5, $6 and $7.
SELECT a.id, a.owner, t.slug AS track, t.name AS track_name, a.revision, a.responses_version, a.run, a.created_at,
       a.expires_at, a.submitted_at, now() AS now,
       t.show_correct, t.show_explanations, coalesce(a.attempt >= t.attempts, false) AS is_last_attempt,
       CASE WHEN a.status = 'in_progress' AND a.expires_at <= now() THEN 'expired' ELSE a.status END AS status,
       (SELECT array_agg(jsonb_build_object('question_id', q.question_id, 'version', q.version,
                                            'body', whole_question(v))::text ORDER BY q.position)
        FROM assessment_questions q JOIN question_versions v USING (question_id, version)
        WHERE q.assessment_id = a.id) AS questions,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('question_id', r.question_id, 'answer', r.answer,
                                                     'saved_at', r.saved_at) ORDER BY q.position), '[]')
        FROM responses r JOIN assessment_questions q USING (assessment_id, question_id)
        WHERE r.assessment_id = a.id) AS responses,
       k.fingerprint AS key_fingerprint, k.status AS key_status, k.location AS key_location, k.body AS key_body,
       (SELECT count(*) FROM (SELECT FROM assessments WHERE status = 'submitted' LIMIT $5) AS waiting) AS waiting,
       (SELECT count(*) FROM (SELECT FROM assessments w WHERE w.owner = a.owner AND w.status = 'submitted' LIMIT $6)
        AS waiting) AS owner_waiting,
       (SELECT count(*) FROM (SELECT FROM idempotency_keys kept WHERE kept.owner = $2 LIMIT $7) AS kept) AS owner_keys
FROM assessments a
JOIN tracks t ON t.id = a.track_id
LEFT JOIN idempotency_keys k ON k.owner = $2 AND k.path = $3 AND k.key = $4
WHERE a.id = $1;

-- name: expire_if_overdue
-- Ends the owner's open assessment of a track if its time is over, so that a new one can be started.
UPDATE assessments SET status = 'expired', completed_at = expires_at, revision = revision + 1
WHERE owner = $1 AND track_id = $2 AND status IS NOT DISTINCT FROM 'in_progress' AND expires_at <= now();

-- name: find_open_id
SELECT id FROM assessments WHERE owner = $1 AND track_id = $2 AND status IS NOT DISTINCT FROM 'in_progress';

-- name: lock_owner_to_start
-- Locks the owner until the transaction ends. When $2 assessments are no longer younger than a day; NULL: fewer are.
SELECT next_start_at, now() AS now FROM lock_owner($1, 0, $2, 0);

-- name: start
-- A new assessment with these versions of questions, if the track permits another attempt now. It takes the number
-- after those of the owner's former attempts. A statement that has counted before another start was committed takes the
-- number of that one, and so makes nothing, even if that attempt has ended by now. No row: the owner has an open
-- assessment of this track, or may not start one (`read_attempts` says why), or another start was at the same moment.
WITH former AS (
    SELECT greatest(count(*), max(attempt)) AS number, max(coalesce(submitted_at, expires_at)) AS ended_at
    FROM assessments WHERE owner = $2 AND track_id = $3
), started AS (
    INSERT INTO assessments (id, owner, track_id, attempt, expires_at)
    SELECT $1, $2, $3, former.number + 1, now() + make_interval(secs => $4)
    FROM former, tracks t
    WHERE t.id = $3
      AND (t.attempts IS NULL OR former.number < t.attempts)
      AND (t.retake_after_hours = 0 OR former.ended_at IS NULL
           OR former.ended_at + t.retake_after_hours * interval '1 hour' <= now())
    ON CONFLICT DO NOTHING
    RETURNING id
), snapshot AS (
    INSERT INTO assessment_questions (assessment_id, question_id, version, position)
    SELECT started.id, q.question_id, q.version, q.position - 1
    FROM started, unnest($5::uuid[], $6::int[]) WITH ORDINALITY AS q(question_id, version, position)
)
SELECT id FROM started;

-- name: read_attempts
-- How many attempts at a track the owner has used, how many it permits (NULL: any number), and when the next one may be
-- started (NULL: at any time), with the time of the database.
SELECT former.used, t.attempts AS permitted, now() AS now,
       CASE WHEN t.retake_after_hours > 0 THEN former.ended_at + t.retake_after_hours * interval '1 hour' END AS next_at
FROM tracks t,
LATERAL (
    SELECT greatest(count(*), max(attempt)) AS used, max(coalesce(submitted_at, expires_at)) AS ended_at
    FROM assessments WHERE owner = $1 AND track_id = t.id
) AS former
WHERE t.id = $2;

-- Pages, newest first, each along an index of its own: of all, of an owner, or of a track. Further filters pass over
-- what does not match.

-- name: list_assessments
SELECT a.id AS assessment_id, t.slug AS track, a.owner, a.degraded, a.needs_review, a.created_at, a.expires_at,
       a.submitted_at,
       CASE WHEN a.status = 'completed' THEN (SELECT r.overall_percentage FROM results r WHERE r.assessment_id = a.id
                                              ORDER BY r.run DESC LIMIT 1) END AS overall_percentage,
       CASE WHEN shown.expired THEN 'expired' ELSE a.status END AS status,
       CASE WHEN shown.expired THEN a.expires_at ELSE a.completed_at END AS completed_at
FROM assessments a
JOIN tracks t ON t.id = a.track_id,
LATERAL (SELECT a.status = 'in_progress' AND a.expires_at <= now() AS expired) AS shown
WHERE (a.created_at, a.id) < (coalesce($4::timestamptz, 'infinity'),
                           coalesce($5::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
  AND ($1::text IS NULL OR CASE WHEN shown.expired THEN 'expired' ELSE a.status END = $1)
  AND ($2::boolean IS NULL OR a.degraded = $2)
  AND ($3::boolean IS NULL OR a.needs_review = $3)
ORDER BY a.created_at DESC, a.id DESC LIMIT $6;

-- name: list_of_owner
SELECT a.id AS assessment_id, t.slug AS track, a.owner, a.degraded, a.needs_review, a.created_at, a.expires_at,
       a.submitted_at,
       CASE WHEN a.status = 'completed' THEN (SELECT r.overall_percentage FROM results r WHERE r.assessment_id = a.id
                                              ORDER BY r.run DESC LIMIT 1) END AS overall_percentage,
       CASE WHEN shown.expired THEN 'expired' ELSE a.status END AS status,
       CASE WHEN shown.expired THEN a.expires_at ELSE a.completed_at END AS completed_at
FROM assessments a
JOIN tracks t ON t.id = a.track_id,
LATERAL (SELECT a.status = 'in_progress' AND a.expires_at <= now() AS expired) AS shown
WHERE a.owner = $7
  AND (a.created_at, a.id) < (coalesce($4::timestamptz, 'infinity'),
                                 coalesce($5::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
  AND ($1::text IS NULL OR CASE WHEN shown.expired THEN 'expired' ELSE a.status END = $1)
  AND ($2::boolean IS NULL OR a.degraded = $2)
  AND ($3::boolean IS NULL OR a.needs_review = $3)
  AND ($8::text IS NULL OR t.slug = $8)
ORDER BY a.created_at DESC, a.id DESC LIMIT $6;

-- name: list_of_track
-- Several tracks have had the slug if one was deleted. The time is that of the index (migration 0043).
SELECT a.id AS assessment_id, t.slug AS track, a.owner, a.degraded, a.needs_review, a.created_at, a.expires_at,
       a.submitted_at,
       CASE WHEN a.status = 'completed' THEN (SELECT r.overall_percentage FROM results r WHERE r.assessment_id = a.id
                                              ORDER BY r.run DESC LIMIT 1) END AS overall_percentage,
       CASE WHEN shown.expired THEN 'expired' ELSE a.status END AS status,
       CASE WHEN shown.expired THEN a.expires_at ELSE a.completed_at END AS completed_at
FROM tracks t,
LATERAL (
    SELECT a.*
    FROM assessments a,
    LATERAL (SELECT a.status = 'in_progress' AND a.expires_at <= now() AS expired) AS shown
    WHERE a.track_id = t.id
      AND (a.created_at AT TIME ZONE 'UTC', a.id) < (coalesce($4::timestamptz, 'infinity') AT TIME ZONE 'UTC',
                                                     coalesce($5::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
      AND ($1::text IS NULL OR CASE WHEN shown.expired THEN 'expired' ELSE a.status END = $1)
      AND ($2::boolean IS NULL OR a.degraded = $2)
      AND ($3::boolean IS NULL OR a.needs_review = $3)
    ORDER BY a.created_at AT TIME ZONE 'UTC' DESC, a.id DESC LIMIT $6
) AS a,
LATERAL (SELECT a.status = 'in_progress' AND a.expires_at <= now() AS expired) AS shown
WHERE t.slug = $7
ORDER BY a.created_at DESC, a.id DESC LIMIT $6;

-- name: save_responses
-- Saves answers, and deletes those that are null, while the assessment is open. Only a change raises
-- `responses_version`, by which a submission notices that the answers it read are outdated. No row: it is not open.
WITH open AS (
    SELECT id FROM assessments WHERE id = $1 AND status IS NOT DISTINCT FROM 'in_progress' AND expires_at > now()
    FOR UPDATE
), sent AS (
    SELECT question_id, answer FROM jsonb_to_recordset($2) AS response(question_id uuid, answer jsonb)
), saved AS (
    INSERT INTO responses AS r (assessment_id, question_id, answer)
    SELECT open.id, sent.question_id, sent.answer FROM open, sent WHERE sent.answer IS NOT NULL
    ON CONFLICT (assessment_id, question_id) DO UPDATE SET answer = excluded.answer, saved_at = now()
    WHERE r.answer <> excluded.answer
    RETURNING 1
), cleared AS (
    DELETE FROM responses r USING open, sent
    WHERE r.assessment_id = open.id AND r.question_id = sent.question_id AND sent.answer IS NULL
    RETURNING 1
), raised AS (
    UPDATE assessments a SET responses_version = responses_version + 1, revision = revision + 1
    FROM open
    WHERE a.id = open.id AND (EXISTS (SELECT FROM saved) OR EXISTS (SELECT FROM cleared))
)
SELECT id FROM open;

-- name: count_responses
SELECT count(*) FROM responses WHERE assessment_id = $1;

-- name: submit
-- Submits the assessment as it was read, with the answers sent along, the scores by rule, the three jobs and the reply
-- stored for the idempotency key. Nothing is written if another request with this key is running (`free` is false), if
-- the assessment is not as it was read (`locked` is false), that is submitted, expired, or with other answers, or if by
-- now $19 submissions of its owner wait or $20 keys of the owner are kept (`locked` is false, too).
WITH key_lock AS MATERIALIZED (
    SELECT $9::text IS NULL
        OR pg_try_advisory_xact_lock(hashtextextended(jsonb_build_array($7::text, $8::text, $9::text)::text, 0))
        AS free
), usage AS MATERIALIZED (
    SELECT counted.waiting < $19 AND ($9::text IS NULL OR counted.keys < $20) AS bounded
    FROM key_lock, lock_owner(CASE WHEN key_lock.free THEN $18::text END, $19, 0, $20) AS counted
), locked AS (
    UPDATE assessments a
    SET status = 'submitted', submitted_at = $3, remaining = 2, revision = revision + 1,
        degraded = $4::jsonb <> '[]', degraded_reasons = $4::jsonb
    FROM usage
    WHERE usage.bounded AND a.id = $1 AND a.responses_version = $2
      AND a.status IS NOT DISTINCT FROM 'in_progress' AND a.expires_at > now()
    RETURNING a.id, a.run
), sent AS (
    SELECT question_id, answer FROM jsonb_to_recordset($5) AS response(question_id uuid, answer jsonb)
), saved AS (
    INSERT INTO responses AS r (assessment_id, question_id, answer)
    SELECT locked.id, sent.question_id, sent.answer FROM locked, sent WHERE sent.answer IS NOT NULL
    ON CONFLICT (assessment_id, question_id) DO UPDATE SET answer = excluded.answer, saved_at = now()
    WHERE r.answer <> excluded.answer
), cleared AS (
    DELETE FROM responses r USING locked, sent
    WHERE r.assessment_id = locked.id AND r.question_id = sent.question_id AND sent.answer IS NULL
), scored AS (
    INSERT INTO scores (assessment_id, run, question_id, question_version, score_type, score, max_score, missing,
                        correct)
    SELECT locked.id, locked.run, s.question_id, s.question_version, s.score_type, s.score, s.max_score, s.missing,
           s.correct
    FROM locked, jsonb_to_recordset($6) AS s(question_id uuid, question_version int, score_type text,
                                             score float8, max_score float8, missing boolean, correct boolean)
), queued AS (
    INSERT INTO async_jobs (id, assessment_id, run, job_type, max_attempts, run_after, dispatched_at, units_total,
                            traceparent, request_id)
    SELECT j.job_id, locked.id, locked.run, j.job_type, $14, due.at, due.at, j.units, $15, $16
    FROM locked, jsonb_to_recordset($13) AS j(job_id uuid, job_type text, units int),
         LATERAL (SELECT CASE WHEN j.job_type <> 'fusion' THEN now() END AS at) AS due
), reply_stored AS (
    INSERT INTO idempotency_keys (owner, path, key, fingerprint, status, location, body, expires_at)
    SELECT $7, $8, $9, $10, 202, $11, $12, now() + make_interval(secs => $17)
    FROM locked WHERE $9 IS NOT NULL
)
SELECT key_lock.free, EXISTS (SELECT FROM locked) AS locked FROM key_lock;

-- name: read_status
-- Everything that the status shows, of one assessment or of all that clients of a process read or wait for. Jobs and
-- scores are null where $2 has the present revision: the caller has kept them.
SELECT a.id AS assessment_id, a.owner, a.run, a.degraded, a.degraded_reasons, a.submitted_at, a.webhook_url,
       t.show_correct, t.show_explanations, coalesce(a.attempt >= t.attempts, false) AS is_last_attempt,
       CASE WHEN shown.expired THEN 'expired' ELSE a.status END AS status, shown.revision,
       CASE WHEN shown.expired THEN a.expires_at ELSE a.completed_at END AS completed_at,
       CASE WHEN shown.revision <> kept.revision THEN (
           SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'job_id', j.id, 'job_type', j.job_type, 'status', j.status, 'attempts', j.attempts,
                   'max_attempts', j.max_attempts, 'created_at', j.created_at, 'started_at', j.started_at,
                   'completed_at', j.completed_at, 'error', j.error, 'units_done', j.units_done,
                   'units_total', j.units_total)
                   ORDER BY array_position('{gpt,rag,fusion}'::text[], j.job_type::text)), '[]')
           FROM async_jobs j WHERE j.assessment_id = a.id AND j.run = a.run) END AS jobs,
       CASE WHEN shown.revision <> kept.revision THEN (
           SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'score_type', s.score_type, 'question_id', s.question_id, 'score', s.score,
                   'max_score', s.max_score, 'correct', s.correct, 'missing', s.missing)
                   ORDER BY q.position), '[]')
           FROM scores s JOIN assessment_questions q USING (assessment_id, question_id)
           WHERE s.assessment_id = a.id AND s.run = 1 AND s.score_type <> 'essay_gpt') END AS rule_scores
FROM unnest($1::uuid[], $2::bigint[]) AS kept(id, revision)
JOIN assessments a ON a.id = kept.id JOIN tracks t ON t.id = a.track_id,
LATERAL (SELECT a.status = 'in_progress' AND a.expires_at <= now() AS expired) AS now_,
LATERAL (SELECT now_.expired, a.revision + now_.expired::int AS revision) AS shown;

-- name: read_revisions
-- For waiting clients: which of these assessments have changed.
SELECT id, CASE WHEN status = 'in_progress' AND expires_at <= now() THEN revision + 1 ELSE revision END AS revision
FROM assessments WHERE id = ANY($1::uuid[]);

-- name: read_result
-- The newest result, the explanations of the theoretical questions that have one, and what their owner has appealed.
SELECT r.body,
       (SELECT coalesce(jsonb_object_agg(question_id, jsonb_build_object(
            'appeal_id', id, 'status', status, 'text', text, 'created_at', created_at, 'reply', reply,
            'answered_at', answered_at)), '{}')
        FROM appeals WHERE assessment_id = r.assessment_id) AS appeals,
       (SELECT coalesce(jsonb_object_agg(q.question_id, v.body ->> 'explanation'), '{}')
        FROM assessment_questions q JOIN question_versions v USING (question_id, version)
        WHERE q.assessment_id = r.assessment_id AND v.body ->> 'explanation' <> '') AS explanations
FROM results r WHERE r.assessment_id = $1 ORDER BY r.run DESC LIMIT 1;

-- name: lock
-- Locks the assessment until the transaction ends: jobs that end, overrides and new runs wait for this row. Read its
-- other data by later statements, because a statement that had to wait for a lock still sees the other tables as they
-- were before.
SELECT run, CASE WHEN status = 'in_progress' AND expires_at <= now() THEN 'expired' ELSE status END AS status
FROM assessments WHERE id = $1
FOR NO KEY UPDATE;

-- name: expire_overdue
-- Ends a batch of assessments whose time is over. Locked rows cannot change, so the join needs no second look at the
-- status; with one, outdated statistics make the planner read all overdue rows again for each row of the batch.
WITH overdue AS (
    SELECT id FROM assessments WHERE status = 'in_progress' AND expires_at <= now()
    ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE assessments a SET status = 'expired', completed_at = a.expires_at, revision = a.revision + 1
FROM overdue WHERE a.id = overdue.id;
