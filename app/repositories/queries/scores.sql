-- name: store_essay_score
-- One essay's score as soon as it is there, and the step of progress that it is. Fenced like every write of a job;
-- a score that is there already stays. No row: the lease is lost.
WITH held AS (
    UPDATE async_jobs
    SET units_done = least(units_done + 1, units_total)
    WHERE id = $1 AND fence = $2 AND status = 'in_progress'
    RETURNING assessment_id, run
), shown AS (
    UPDATE assessments a SET revision = revision + 1 FROM held WHERE a.id = held.assessment_id
), stored AS (
    INSERT INTO scores (assessment_id, run, question_id, question_version, score_type, score, max_score, reason,
                        detail, scorer, model, prompt_version, confidence)
    SELECT held.assessment_id, held.run, $3, $4, 'essay_gpt', $5, $6, $7, $8, $9, $10, $11, $12 FROM held
    ON CONFLICT ON CONSTRAINT scores_one_of_a_run_key DO NOTHING
)
SELECT assessment_id FROM held;

-- name: record_model_call
-- What a call answered and cost, whatever became of it.
INSERT INTO model_calls (assessment_id, run, question_id, provider, model, prompt_version, outcome, tokens_in,
                         tokens_out, cost_usd, latency_ms, answer, fingerprint)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: find_bought
-- The newest usable answers to what is asked, bought by whomever; with $2 only those that this run of this assessment
-- bought.
SELECT DISTINCT ON (fingerprint) fingerprint, answer FROM model_calls
WHERE fingerprint = ANY($1::bytea[]) AND outcome = 'answered'
  AND (NOT $2::boolean OR assessment_id = $3 AND run = $4)
ORDER BY fingerprint, id DESC;
