-- Dead letters are failed jobs. Each write names the states that it leaves, so that of several retries of a job at once
-- only one has an effect.

-- name: read_jobs
-- A page, newest first; or the job $6, with no statuses. The error's detail ends with what the model's provider said,
-- which students must not see. Each status has its own subquery, which reads the index in order; a single WHERE with
-- optional filters would read a million completed jobs to find the last failed one. OFFSET 0 has assessments looked up
-- one by one: the planner does not know how short a page is.
SELECT j.id AS job_id, j.assessment_id, t.slug AS track, j.run, j.job_type, j.status, j.attempts, j.max_attempts,
       j.crashes, j.created_at, j.started_at, j.completed_at,
       CASE j.status WHEN 'queued' THEN j.run_after END AS run_after,
       j.error || coalesce((
           SELECT jsonb_build_object('detail', (j.error ->> 'detail') || ': ' || c.provider_message)
           FROM model_calls c
           WHERE c.assessment_id = j.assessment_id AND c.run = j.run AND j.job_type = 'gpt'
             AND c.outcome = j.error ->> 'code' AND c.provider_message IS NOT NULL
           ORDER BY c.id DESC LIMIT 1), '{}') AS error,
       j.request_id, j.traceparent
FROM (
    SELECT of_status.*
    FROM unnest($1::text[]) AS wanted(status),
    LATERAL (
        SELECT * FROM async_jobs
        WHERE async_jobs.status = wanted.status AND ($2::text IS NULL OR job_type = $2)
          AND ($7::text IS NULL OR EXISTS (
              SELECT FROM assessments a JOIN tracks t ON t.id = a.track_id
              WHERE a.id = async_jobs.assessment_id AND t.slug = $7 OFFSET 0))
          AND (created_at, id) < (coalesce($3, 'infinity'::timestamptz),
                                  coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
        ORDER BY created_at DESC, id DESC LIMIT $5
    ) AS of_status
    UNION ALL
    SELECT * FROM async_jobs WHERE id = $6
) AS j
CROSS JOIN LATERAL (SELECT track_id FROM assessments WHERE id = j.assessment_id OFFSET 0) AS a
JOIN tracks t ON t.id = a.track_id
ORDER BY j.created_at DESC, j.id DESC LIMIT $5;

-- name: list_retryable
-- Failed jobs of newest runs, oldest first.
SELECT j.id FROM async_jobs j
CROSS JOIN LATERAL (SELECT run FROM assessments WHERE id = j.assessment_id OFFSET 0) AS a
WHERE j.status = 'failed' AND a.run = j.run
ORDER BY j.created_at, j.id LIMIT $1;

-- name: find_retryable
-- The same of the type $2 and the track $3 (NULL: any), as operators see them, with the number of all that match.
SELECT j.id AS job_id, j.assessment_id, t.slug AS track, j.job_type, j.attempts, j.completed_at, j.error,
       count(*) OVER () AS total
FROM async_jobs j
CROSS JOIN LATERAL (SELECT track_id, run FROM assessments WHERE id = j.assessment_id OFFSET 0) AS a
JOIN tracks t ON t.id = a.track_id
WHERE j.status = 'failed' AND a.run = j.run AND ($2::text IS NULL OR j.job_type = $2)
  AND ($3::text IS NULL OR t.slug = $3)
ORDER BY j.created_at, j.id LIMIT $1;

-- name: lock_newest_run
-- The newest run of a job's assessment, locked until the transaction ends: jobs that end, which count `remaining` down,
-- and other retries wait for this row. Its jobs are read by another statement (`list_jobs_of_run`), because a statement
-- that had to wait for a lock still sees the other tables as they were before.
SELECT id AS assessment_id, run FROM assessments
WHERE id = (SELECT assessment_id FROM async_jobs WHERE id = $1)
FOR NO KEY UPDATE;

-- name: list_jobs_of_run
SELECT id, job_type, status FROM async_jobs WHERE assessment_id = $1 AND run = $2;

-- name: requeue_failed
-- While fusion still waits for another job of the run: the failed job is queued again with more attempts and the same
-- fence, fusion waits for it again, its reasons are taken back, and its essays without a score are open again. Its
-- units stay done: progress counted the stage as done when the job failed, and it must never go down.
WITH failed AS (
    SELECT id, reasons FROM async_jobs WHERE id = $1
), queued AS (
    UPDATE async_jobs j
    SET status = 'queued', run_after = now(), dispatched_at = now(), max_attempts = j.attempts + $2, crashes = 0,
        units_done = j.units_total, output = NULL, reasons = '[]', error = NULL, completed_at = NULL,
        traceparent = coalesce($3, j.traceparent), request_id = coalesce($4, j.request_id)
    FROM failed
    WHERE j.id = failed.id AND j.status = 'failed' AND j.job_type <> 'fusion'
    RETURNING j.id, j.job_type, j.fence, j.assessment_id, j.run, failed.reasons
), opened AS (
    UPDATE assessments a
    SET remaining = a.remaining + 1, revision = a.revision + 1,
        (degraded, degraded_reasons) = (
            SELECT count(*) > 0, coalesce(jsonb_agg(shown.reason ORDER BY shown.place), '[]')
            FROM jsonb_array_elements(a.degraded_reasons) WITH ORDINALITY AS shown(reason, place)
            -- Only jobs of the first run add their reasons when they end (`finish` in jobs.sql).
            WHERE a.status <> 'submitted'
               OR shown.reason NOT IN (SELECT jsonb_array_elements(queued.reasons))
        )
    FROM queued
    WHERE a.id = queued.assessment_id AND a.run = queued.run AND a.remaining > 0
    RETURNING a.id, a.owner
), unscored AS (
    DELETE FROM scores s USING queued
    WHERE queued.job_type = 'gpt' AND s.assessment_id = queued.assessment_id AND s.run = queued.run
      AND s.score_type = 'essay_gpt' AND s.score IS NULL
)
SELECT queued.id, queued.job_type, queued.fence, opened.owner FROM queued, opened;

-- name: start_run
-- A new run after the run $2 is over; the run itself is never opened again. Jobs that failed, jobs of the types $7 and
-- fusion are queued; fusion is due at once if it has nothing to wait for. The other completed jobs are taken over, with
-- the essays that a completed `gpt` could not score. Scores are not copied, since a run continues with those of the
-- runs before (`read_run` in jobs.sql). $8 is the mode of `gpt`. Returns the jobs that are due; none if the run $2 is
-- not over, or not the newest.
WITH raised AS (
    UPDATE assessments a
    SET run = a.run + 1, revision = a.revision + 1,
        remaining = (SELECT count(*) FROM async_jobs j
                     WHERE j.assessment_id = a.id AND j.run = a.run AND j.job_type <> 'fusion'
                       AND (j.status = 'failed' OR j.job_type = ANY($7::text[])))
    WHERE a.id = $1 AND a.run = $2 AND a.status IN ('completed', 'failed')
      AND NOT EXISTS (SELECT FROM async_jobs j WHERE j.assessment_id = a.id AND j.run = a.run
                                                 AND j.status NOT IN ('completed', 'failed'))
    RETURNING a.id, a.run, a.remaining, a.owner
), former AS (
    SELECT j.*, n.job_id AS new_id, raised.run AS new_run, raised.remaining,
           j.status = 'completed' AND j.job_type <> 'fusion' AND j.job_type <> ALL($7::text[]) AS kept
    FROM raised
    JOIN async_jobs j ON j.assessment_id = raised.id AND j.run = $2
    JOIN jsonb_to_recordset($3) AS n(job_id uuid, job_type text) ON n.job_type = j.job_type
), taken_over AS (
    INSERT INTO async_jobs (id, assessment_id, run, job_type, status, attempts, crashes, max_attempts, run_after,
                            units_done, units_total, output, reasons, traceparent, request_id, created_at, started_at,
                            completed_at)
    SELECT new_id, assessment_id, new_run, job_type, status, attempts, crashes, max_attempts, run_after,
           units_done, units_total, output, reasons, traceparent, request_id, created_at, started_at,
           completed_at
    FROM former WHERE kept
), gaps AS (
    INSERT INTO scores (assessment_id, run, question_id, question_version, score_type, max_score, reason)
    SELECT s.assessment_id, former.new_run, s.question_id, s.question_version, s.score_type, s.max_score, s.reason
    FROM former JOIN scores s ON s.assessment_id = former.assessment_id AND s.run = former.run
    WHERE former.kept AND former.job_type = 'gpt' AND s.score_type = 'essay_gpt' AND s.score IS NULL
), queued AS (
    INSERT INTO async_jobs (id, assessment_id, run, job_type, mode, max_attempts, run_after, dispatched_at, units_done,
                            units_total, traceparent, request_id)
    SELECT new_id, assessment_id, new_run, job_type, CASE job_type WHEN 'gpt' THEN $8 ELSE 'missing' END, $4, due.at,
           due.at,
           -- Essays that have a score already count as done, unless all are scored again.
           CASE WHEN job_type = 'gpt' AND $8 <> 'rescore' THEN least(units_total, (
               SELECT count(DISTINCT s.question_id) FROM scores s
               WHERE s.assessment_id = former.assessment_id AND s.score_type = 'essay_gpt'
                 AND s.score IS NOT NULL AND NOT s.missing)) ELSE 0 END,
           units_total, coalesce($5, traceparent), coalesce($6, request_id)
    FROM former,
    LATERAL (SELECT CASE WHEN job_type <> 'fusion' OR remaining = 0 THEN now() END AS at) AS due
    WHERE NOT kept
    RETURNING id, job_type, fence, run_after
)
SELECT queued.id, queued.job_type, queued.fence, raised.owner FROM queued, raised WHERE queued.run_after IS NOT NULL;
