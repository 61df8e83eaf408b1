-- Runs that a person asks for.

-- name: rescore
-- A new run of all three jobs beside what is shown. Every essay is scored anew; nothing is taken over from the run
-- before, but for where it came from if the request does not say. Needs the assessment held (`hold` in
-- assessments.sql). Returns the jobs that are due. No row: the newest run is not over.
WITH raised AS (
    UPDATE assessments a
    SET run = a.run + 1, revision = a.revision + 1, remaining = 2
    WHERE a.id = $1 AND a.status IN ('completed', 'failed')
      AND NOT EXISTS (SELECT FROM async_jobs j WHERE j.assessment_id = a.id AND j.run = a.run
                                                 AND j.status NOT IN ('completed', 'failed'))
    RETURNING a.id, a.run
), queued AS (
    INSERT INTO async_jobs (id, assessment_id, run, job_type, mode, max_attempts, run_after, dispatched_at,
                            units_total, traceparent, request_id)
    SELECT n.job_id, raised.id, raised.run, n.job_type, CASE n.job_type WHEN 'gpt' THEN 'anew' ELSE 'needed' END,
           $3, due.at, due.at, former.units_total, coalesce($4, former.traceparent), coalesce($5, former.request_id)
    FROM raised
    JOIN async_jobs former ON former.assessment_id = raised.id AND former.run = raised.run - 1
    JOIN jsonb_to_recordset($2) AS n(job_id uuid, job_type text) ON n.job_type = former.job_type,
    LATERAL (SELECT CASE WHEN n.job_type <> 'fusion' THEN now() END AS at) AS due
    RETURNING id, job_type, fence, run_after
)
SELECT id, job_type, fence FROM queued WHERE run_after IS NOT NULL;
