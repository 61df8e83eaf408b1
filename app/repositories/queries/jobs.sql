-- Each write names the status that it expects; those of a running job name its fence as well, so that a worker whose
-- lease has run out writes nothing.
--
-- IS NOT DISTINCT FROM keeps the planner from looking for a job of a given id among all that run, or ran at the last
-- ANALYZE (assessments.sql says more).

-- name: claim
-- Claims a job that is due, or whose lease has run out, which counts as a crash and not as an attempt. No row: another
-- worker has it, or it is not due.
WITH claimed AS (
    UPDATE async_jobs
    SET status = 'in_progress', fence = fence + 1, lease_expires_at = now() + make_interval(secs => $2),
        attempts = attempts + CASE status WHEN 'queued' THEN 1 ELSE 0 END,
        crashes = crashes + CASE status WHEN 'queued' THEN 0 ELSE 1 END,
        started_at = coalesce(started_at, now()), dispatched_at = now()
    WHERE id = $1 AND ((status = 'queued' AND run_after <= now())
                    OR (status = 'in_progress' AND lease_expires_at < now()))
    RETURNING id, assessment_id, run, job_type, fence, attempts, crashes, max_attempts, traceparent, request_id,
              output
), shown AS (
    UPDATE assessments a SET revision = revision + 1 FROM claimed WHERE a.id = claimed.assessment_id
    RETURNING a.owner
)
SELECT claimed.*, shown.owner FROM claimed, shown;

-- name: renew
-- No row: the lease is lost.
UPDATE async_jobs SET lease_expires_at = now() + make_interval(secs => $3)
WHERE id = $1 AND fence = $2 AND status IS NOT DISTINCT FROM 'in_progress'
RETURNING id;

-- name: requeue
-- Queues a running job again: with the error of a failed attempt, or without one if its worker hands it back. $4: the
-- attempt counts.
WITH returned AS (
    UPDATE async_jobs
    SET status = 'queued', run_after = now() + make_interval(secs => $3), lease_expires_at = NULL,
        dispatched_at = NULL, attempts = attempts - CASE WHEN $4::boolean THEN 0 ELSE 1 END,
        error = coalesce($5, error)
    WHERE id = $1 AND fence = $2 AND status IS NOT DISTINCT FROM 'in_progress'
    RETURNING assessment_id
), shown AS (
    UPDATE assessments a SET revision = revision + 1 FROM returned WHERE a.id = returned.assessment_id
)
SELECT assessment_id FROM returned;

-- name: finish
-- Ends a `gpt` or `rag` job, and makes `fusion` due if that was the last job it waited for. `remaining` is decremented
-- in the locked row and read back from it, because counting the ended jobs would miss one that ends at the same moment.
-- Only jobs of the first run add their reasons; a later run leaves what is shown until its fusion replaces it.
WITH ended AS (
    UPDATE async_jobs
    SET status = $3::varchar, error = $4, output = $5, reasons = $6, completed_at = now(), lease_expires_at = NULL,
        units_done = CASE $3::varchar WHEN 'completed' THEN units_total ELSE units_done END
    WHERE id = $1 AND fence = $2 AND status IS NOT DISTINCT FROM 'in_progress'
    RETURNING assessment_id, run
), counted AS (
    UPDATE assessments a
    SET remaining = a.remaining - 1, revision = a.revision + 1,
        degraded_reasons = CASE a.status WHEN 'submitted' THEN a.degraded_reasons || $6::jsonb
                                         ELSE a.degraded_reasons END,
        degraded = CASE a.status WHEN 'submitted' THEN a.degraded_reasons || $6::jsonb <> '[]' ELSE a.degraded END
    FROM ended
    WHERE a.id = ended.assessment_id AND a.run = ended.run
    RETURNING a.id, a.run, a.remaining
), due AS (
    UPDATE async_jobs f SET run_after = now(), dispatched_at = now()
    FROM counted
    WHERE counted.remaining = 0 AND f.assessment_id = counted.id AND f.run = counted.run
      AND f.job_type = 'fusion' AND f.status = 'queued' AND f.run_after IS NULL
    RETURNING f.id, f.fence
)
SELECT due.id AS due_id, due.fence AS due_fence FROM ended LEFT JOIN due ON true;

-- name: complete_assessment
-- Ends a `fusion` job: stores the result with its recommendations, completes the assessment and creates the deliveries
-- (`create_deliveries`, migration 0029). The assessment is locked first, if its overrides are still those that fusion
-- has read: an override at the same moment either is among them, or finds this result and fuses it again
-- (`replace_result` in overrides.sql). The deliveries are created after the lock: a registration at the same moment
-- either gets one, or finds the assessment completed (`register` in webhooks.sql). No row: the lease is lost. No
-- `assessment_id`: there are newer overrides.
WITH mine AS (
    SELECT id, assessment_id, run FROM async_jobs
    WHERE id = $1 AND fence = $2 AND status IS NOT DISTINCT FROM 'in_progress' AND job_type = 'fusion'
    FOR NO KEY UPDATE
), held AS (
    SELECT a.id, a.run, mine.id AS job_id FROM mine JOIN assessments a ON a.id = mine.assessment_id AND a.run = mine.run
    WHERE a.status IN ('submitted', 'completed', 'failed') AND a.overrides_version = $7
    FOR NO KEY UPDATE OF a
), ended AS (
    UPDATE async_jobs j
    SET status = 'completed', error = NULL, completed_at = now(), lease_expires_at = NULL, units_done = units_total
    FROM held WHERE j.id = held.job_id
), written AS (
    INSERT INTO results (assessment_id, run, body) SELECT id, run, $3 FROM held
), recommended AS (
    INSERT INTO recommendations (assessment_id, run, rank, credential_id, credential_version, relevance)
    SELECT held.id, held.run, r.rank, r.credential_id, r.credential_version, r.relevance
    FROM held, jsonb_to_recordset($4) AS r(rank int, credential_id uuid, credential_version int, relevance float8)
), closed AS (
    UPDATE assessments a
    SET status = 'completed', completed_at = CASE a.status WHEN 'completed' THEN a.completed_at ELSE $5 END,
        revision = a.revision + 1,
        degraded = $6::jsonb <> '[]', degraded_reasons = $6::jsonb, needs_review = $8 OR EXISTS (
            SELECT FROM review_items i WHERE i.assessment_id = a.id AND 'appeal' = ANY(i.reasons))
    FROM held
    WHERE a.id = held.id
    RETURNING a.id, a.run
), due AS (
    SELECT created.* FROM closed, create_deliveries(
        closed.id, closed.run, 0,
        CASE WHEN EXISTS (SELECT FROM results r WHERE r.assessment_id = closed.id AND r.run < closed.run)
             THEN 'assessment.rescored' ELSE 'assessment.completed' END) AS created
)
SELECT held.id AS assessment_id, due.due_id, due.due_fence
FROM mine LEFT JOIN held ON true LEFT JOIN due ON true;

-- name: fail_assessment
-- Ends a `fusion` job without a result. An assessment that was over before this run keeps its status and result, and
-- its revision rises because no job runs any more. Webhooks get a message only if the assessment has failed.
WITH ended AS (
    UPDATE async_jobs
    SET status = 'failed', error = $3, completed_at = now(), lease_expires_at = NULL
    WHERE id = $1 AND fence = $2 AND status IS NOT DISTINCT FROM 'in_progress' AND job_type = 'fusion'
    RETURNING assessment_id, run
), closed AS (
    UPDATE assessments a
    SET status = CASE a.status WHEN 'submitted' THEN 'failed' ELSE a.status END,
        completed_at = coalesce(a.completed_at, now()), revision = a.revision + 1
    FROM ended
    WHERE a.id = ended.assessment_id AND a.run = ended.run AND a.status IN ('submitted', 'completed', 'failed')
    RETURNING a.id, a.run, a.status
), due AS (
    SELECT created.* FROM closed, create_deliveries(closed.id, closed.run, 0, 'assessment.failed') AS created
    WHERE closed.status = 'failed'
)
SELECT due.due_id, due.due_fence FROM closed LEFT JOIN due ON true;

-- name: take_unclaimed
-- Jobs that are due, or whose lease has run out, and that were not notified in the last $2 seconds: those of the types
-- $1, and of the others those that were never notified. The statement marks them as notified, so that of all workers
-- that look, only one notifies.
WITH missed AS (
    SELECT id, assessment_id FROM async_jobs
    WHERE (job_type = ANY($1::text[]) OR dispatched_at IS NULL)
      AND (status = 'queued' AND run_after <= now()
               AND coalesce(dispatched_at < now() - make_interval(secs => $2), true)
           OR status = 'in_progress' AND lease_expires_at < now()
               AND dispatched_at < greatest(lease_expires_at, now() - make_interval(secs => $2)))
    ORDER BY dispatched_at NULLS FIRST LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE async_jobs j SET dispatched_at = now() FROM missed JOIN assessments a ON a.id = missed.assessment_id
WHERE j.id = missed.id
RETURNING j.id, j.job_type, j.fence, a.owner;

-- name: read_run
-- Everything that the jobs of a run work on: track, questions, answers, scores, overrides and the run's jobs. A later
-- run began when its jobs were queued. It continues with the scores of earlier runs; an essay that an earlier run could
-- not score is still to be scored, unless this run has taken that over (`start_run` in dead_letters.sql).
SELECT a.id AS assessment_id, now() AS now,
       CASE WHEN $2 = 1 THEN a.submitted_at
            ELSE (SELECT f.created_at FROM async_jobs f
                  WHERE f.assessment_id = a.id AND f.run = $2 AND f.job_type = 'fusion') END AS began_at,
       t.slug AS track, t.name AS track_name, t.skills AS track_skills,
       t.show_correct, t.show_explanations, coalesce(a.attempt >= t.attempts, false) AS is_last_attempt,
       (SELECT array_agg(jsonb_build_object('question_id', q.question_id, 'version', q.version,
                                            'body', whole_question(v))::text ORDER BY q.position)
        FROM assessment_questions q JOIN question_versions v USING (question_id, version)
        WHERE q.assessment_id = a.id) AS questions,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('question_id', r.question_id, 'answer', r.answer,
                                                     'saved_at', r.saved_at)), '[]')
        FROM responses r WHERE r.assessment_id = a.id) AS responses,
       (SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY s.position), '[]')
        FROM (SELECT DISTINCT ON (s.question_id, s.score_type) s.*, q.position
              FROM scores s JOIN assessment_questions q USING (assessment_id, question_id)
              WHERE s.assessment_id = a.id AND (s.run = $2 OR s.run < $2 AND s.score IS NOT NULL)
              ORDER BY s.question_id, s.score_type, s.run DESC) AS s) AS scores,
       (SELECT j.mode FROM async_jobs j WHERE j.assessment_id = a.id AND j.run = $2 AND j.job_type = 'gpt') AS mode,
       a.overrides_version,
       (SELECT coalesce(jsonb_object_agg(o.question_id, jsonb_build_object('score', o.score, 'reason', o.reason,
                                                                           'by', o.actor, 'at', o.created_at,
                                                                           'dimensions', o.dimensions,
                                                                           'confirmed', o.confirmed)), '{}')
        FROM (SELECT DISTINCT ON (question_id) * FROM score_overrides
              WHERE assessment_id = a.id ORDER BY question_id, id DESC) AS o) AS overrides,
       (SELECT jsonb_agg(jsonb_build_object('job_type', j.job_type, 'status', j.status, 'output', j.output,
                                            'reasons', j.reasons,
                                            'started_at', j.started_at, 'completed_at', j.completed_at))
        FROM async_jobs j WHERE j.assessment_id = a.id AND j.run = $2) AS jobs,
       (SELECT coalesce(sum(c.tokens_in + c.tokens_out), 0) FROM model_calls c
        WHERE c.assessment_id = a.id AND c.run = $2)::int AS tokens,
       -- Null if there were calls and none has a known price.
       (SELECT CASE WHEN count(*) = 0 THEN 0 ELSE sum(c.cost_usd) END FROM model_calls c
        WHERE c.assessment_id = a.id AND c.run = $2)::float8 AS cost_usd
FROM assessments a JOIN tracks t ON t.id = a.track_id
WHERE a.id = $1;

-- name: count_by_status
-- For the metrics. `delay` is the time in seconds for which the job that is due for longest has waited for a worker.
SELECT job_type, status, count(*) AS count,
       coalesce(extract(epoch FROM max(now() - run_after)
                        FILTER (WHERE status = 'queued' AND run_after <= now())), 0)::float8 AS delay
FROM async_jobs WHERE status IN ('queued', 'in_progress') GROUP BY job_type, status
UNION ALL
-- By their index alone: there may be many that nobody has retried.
SELECT job_type, 'failed', count(*), 0 FROM async_jobs WHERE status = 'failed' GROUP BY job_type;
