-- name: find_run
-- The newest run that has a result; or the run $2 if it exists, with a result or not.
SELECT CASE WHEN $2::int IS NULL THEN (SELECT max(run) FROM results WHERE assessment_id = $1)
            ELSE (SELECT max(run) FROM async_jobs WHERE assessment_id = $1 AND run = $2) END;

-- name: read_result
SELECT body FROM results WHERE assessment_id = $1 AND run = $2;

-- name: read_rows
-- What the trace of a run shows besides what its jobs worked on. $3 are the fingerprints of its prompts: an answer that
-- another run cached is the newest that existed when the essays were scored, and is shown without the assessment that
-- it was given for.
WITH calls AS (
    SELECT c.*, true AS of_this_run FROM model_calls c WHERE c.assessment_id = $1 AND c.run = $2
    UNION ALL
    SELECT cached.*, false FROM (
        SELECT DISTINCT ON (c.fingerprint) c.*
        FROM model_calls c
        JOIN async_jobs j ON j.assessment_id = $1 AND j.run = $2 AND j.job_type = 'gpt'
        WHERE c.fingerprint = ANY($3::bytea[]) AND c.outcome = 'answered'
          AND c.created_at <= coalesce(j.completed_at, now())
          AND NOT EXISTS (SELECT FROM model_calls own
                          WHERE own.assessment_id = $1 AND own.run = $2 AND own.outcome = 'answered'
                            AND own.fingerprint = c.fingerprint)
        ORDER BY c.fingerprint, c.id DESC) AS cached
), shown AS (
    SELECT * FROM calls ORDER BY id LIMIT $4
)
SELECT (SELECT jsonb_agg(jsonb_build_object(
                   'job_id', j.id, 'job_type', j.job_type, 'status', j.status, 'mode', j.mode, 'attempts', j.attempts,
                   'max_attempts', j.max_attempts, 'crashes', j.crashes, 'created_at', j.created_at,
                   'started_at', j.started_at, 'completed_at', j.completed_at,
                   'error', j.error || coalesce((
                       SELECT jsonb_build_object('detail', (j.error ->> 'detail') || ': ' || c.provider_message)
                       FROM calls c
                       WHERE c.of_this_run AND j.job_type = 'gpt' AND c.outcome = j.error ->> 'code'
                         AND c.provider_message IS NOT NULL
                       ORDER BY c.id DESC LIMIT 1), '{}'),
                   'reasons', j.reasons, 'request_id', j.request_id, 'traceparent', j.traceparent)
                   ORDER BY array_position('{gpt,rag,fusion}'::text[], j.job_type::text))
        FROM async_jobs j WHERE j.assessment_id = $1 AND j.run = $2) AS jobs,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'question_id', CASE WHEN s.of_this_run THEN s.question_id END, 'of_this_run', s.of_this_run,
                   'provider', s.provider, 'model', s.model, 'prompt_version', s.prompt_version,
                   'fingerprint', encode(s.fingerprint, 'hex'), 'outcome', s.outcome, 'tokens_in', s.tokens_in,
                   'tokens_out', s.tokens_out, 'cost_usd', s.cost_usd, 'latency_ms', s.latency_ms,
                   'answer', s.answer, 'provider_message', s.provider_message, 'created_at', s.created_at)
                   ORDER BY s.id), '[]')
        FROM shown s) AS calls,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'question_id', o.question_id, 'score', o.score, 'machine_score', o.machine_score,
                   'scorer', o.scorer, 'reason', o.reason, 'by', o.actor, 'at', o.created_at,
                   'dimensions', o.dimensions, 'confirmed', o.confirmed) ORDER BY o.id), '[]')
        FROM score_overrides o WHERE o.assessment_id = $1) AS overrides,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'delivery_id', d.id, 'type', d.event_type, 'status', d.status, 'attempts', d.attempts,
                   'last_status_code', l.status_code, 'last_error', l.error, 'created_at', d.created_at,
                   'completed_at', d.completed_at) ORDER BY d.created_at, d.id), '[]')
        FROM webhook_deliveries d
        LEFT JOIN LATERAL (SELECT t.status_code, t.error FROM webhook_attempts t
                           WHERE t.delivery_id = d.id ORDER BY t.ordinal DESC LIMIT 1) AS l ON true
        WHERE d.assessment_id = $1 AND d.run = $2 AND d.subscription_id IS NULL) AS deliveries;
