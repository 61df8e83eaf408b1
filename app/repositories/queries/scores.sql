-- name: store_essay_score
-- One essay's score as soon as it is there, which is one step of the job's progress. A score that is there already
-- stays. No row: the lease is lost.
WITH held AS (
    UPDATE async_jobs
    SET units_done = least(units_done + 1, units_total)
    WHERE id = $1 AND fence = $2 AND status IS NOT DISTINCT FROM 'in_progress'
    RETURNING assessment_id, run
), shown AS (
    UPDATE assessments a SET revision = revision + 1 FROM held WHERE a.id = held.assessment_id
), stored AS (
    INSERT INTO scores (assessment_id, run, question_id, question_version, score_type, score, max_score, reason,
                        detail, scorer, model, prompt_version, confidence, figures)
    SELECT held.assessment_id, held.run, $3, $4, 'essay_gpt', $5, $6, $7, $8, $9, $10, $11, $12, $13 FROM held
    ON CONFLICT ON CONSTRAINT scores_one_of_a_run_key DO NOTHING
)
SELECT assessment_id FROM held;

-- name: record_model_call
-- If the assessment was erased meanwhile, only what the call cost.
WITH counted AS (
    INSERT INTO model_call_counts AS c (model, outcome, shard, calls) VALUES ($5, $7, pg_backend_pid() % 16, 1)
    ON CONFLICT (model, outcome, shard) DO UPDATE SET calls = c.calls + 1
), place AS (
    SELECT id FROM assessments WHERE id = $1 FOR KEY SHARE
)
INSERT INTO model_calls (assessment_id, run, question_id, provider, model, prompt_version, outcome, tokens_in,
                         tokens_out, cost_usd, latency_ms, answer, fingerprint, provider_message)
SELECT place.id, CASE WHEN known THEN $2::integer END, CASE WHEN known THEN $3::uuid END, $4, $5, $6, $7, $8, $9, $10,
       $11, CASE WHEN kept THEN $12 END, CASE WHEN kept THEN $13::bytea END, CASE WHEN kept THEN $14 END
FROM (SELECT 1) AS call LEFT JOIN place ON true,
LATERAL (SELECT place.id IS NOT NULL AS known, place.id IS NOT NULL OR $1::uuid IS NULL AS kept) AS k;

-- name: count_model_calls
SELECT model, outcome, sum(calls)::bigint AS calls FROM model_call_counts GROUP BY model, outcome ORDER BY 1, 2;

-- name: find_cached_answers
-- The newest usable answer to each of these prompts, of any assessment; with $2 only of this run of this assessment.
SELECT DISTINCT ON (fingerprint) fingerprint, answer FROM model_calls
WHERE fingerprint = ANY($1::bytea[]) AND outcome = 'answered'
  AND (NOT $2::boolean OR assessment_id = $3 AND run = $4)
ORDER BY fingerprint, id DESC;

-- name: reserve_budget
-- Reserves $1 dollars if they fit into today's budget $2, and into the part $4 of it that the owner $3 may take up, if
-- there is an owner; days are those of UTC. `reserved` is false if the whole budget has no room; the dollars of the
-- owner are reserved all the same then, and to be given back.
WITH today AS (
    SELECT (now() AT TIME ZONE 'UTC')::date AS day
), share AS (
    INSERT INTO owner_budget AS o (day, owner, reserved)
    SELECT day, $3, $1 FROM today WHERE $3::text IS NOT NULL AND $1 <= $4::float8
    ON CONFLICT (day, owner) DO UPDATE SET reserved = o.reserved + $1 WHERE o.spent + o.reserved + $1 <= $4
    RETURNING day
), whole AS (
    INSERT INTO model_budget AS b (day, reserved)
    SELECT day, $1 FROM today WHERE $1 <= $2::float8 AND ($3 IS NULL OR EXISTS (SELECT FROM share))
    ON CONFLICT (day) DO UPDATE SET reserved = b.reserved + $1 WHERE b.spent + b.reserved + $1 <= $2
    RETURNING day
)
SELECT day, EXISTS (SELECT FROM whole) AS reserved, $3 IS NULL OR EXISTS (SELECT FROM share) AS within_share
FROM today;

-- name: book_actual_cost
-- Replaces a reservation by the cost, on the day of the reservation.
WITH whole AS (
    UPDATE model_budget SET reserved = greatest(reserved - $2, 0), spent = spent + $3 WHERE day = $1
)
UPDATE owner_budget SET reserved = greatest(reserved - $2, 0), spent = spent + $3 WHERE day = $1 AND owner = $4;

-- name: give_back_share
-- Ends a reservation of an owner for which the whole budget had no room.
UPDATE owner_budget SET reserved = greatest(reserved - $2, 0) WHERE day = $1 AND owner = $3;

-- name: delete_old_shares
-- A batch of what owners spent before yesterday.
DELETE FROM owner_budget
WHERE (day, owner) IN (SELECT day, owner FROM owner_budget
                       WHERE day < (now() AT TIME ZONE 'UTC')::date - 1 ORDER BY day LIMIT $1);

-- name: spent_today
SELECT coalesce((SELECT spent FROM model_budget WHERE day = (now() AT TIME ZONE 'UTC')::date), 0);

-- name: take_rescoring_turn
-- One worker at a time rescores degraded essays, for $1 seconds. No row: another worker has the turn.
INSERT INTO healing_turn AS t (until) VALUES (now() + make_interval(secs => $1))
ON CONFLICT (only_one) DO UPDATE SET until = excluded.until WHERE t.until <= now()
RETURNING only_one;

-- name: find_degraded
-- Up to $3 assessments, oldest first, completed in the last $1 seconds, with essays that neither a model nor a person
-- has scored and that were tried fewer than $2 times. Assessments whose jobs run are left out.
SELECT a.id AS assessment_id, a.run, a.owner, due.question_ids
FROM assessments a,
LATERAL (
    SELECT array_agg(line.question_id) AS question_ids
    FROM (SELECT DISTINCT ON (s.question_id) s.question_id, s.scorer
          FROM scores s
          WHERE s.assessment_id = a.id AND s.score_type = 'essay_gpt' AND NOT s.missing
          ORDER BY s.question_id, (s.score IS NULL), s.run DESC) AS line
    LEFT JOIN essay_healing h ON h.assessment_id = a.id AND h.question_id = line.question_id
    WHERE line.scorer IS DISTINCT FROM 'gpt'
      AND (h.tries IS NULL OR (h.tries < $2 AND h.next_try_at <= now()))
      AND NOT EXISTS (SELECT FROM score_overrides o WHERE o.assessment_id = a.id AND o.question_id = line.question_id)
) AS due
WHERE a.status = 'completed'
  AND (a.degraded_reasons @> '[{"code": "essay_scored_locally"}]'
       OR a.degraded_reasons @> '[{"code": "essay_unscored"}]'
       OR a.degraded_reasons @> '[{"code": "language_not_supported"}]')
  AND a.completed_at > now() - make_interval(secs => $1)
  AND due.question_ids IS NOT NULL
  -- OFFSET 0 has this looked up for each of them, instead of reading all jobs that there are.
  AND NOT EXISTS (SELECT FROM async_jobs j WHERE j.assessment_id = a.id AND j.run = a.run
                                             AND j.status NOT IN ('completed', 'failed') OFFSET 0)
ORDER BY a.completed_at LIMIT $3;

-- name: reserve_essays
-- Reserves essays for one worker for $3 seconds; returns those that no other worker has reserved, none of an assessment
-- that was erased meanwhile.
WITH place AS (
    SELECT id FROM assessments WHERE id = $1 FOR KEY SHARE
)
INSERT INTO essay_healing AS h (assessment_id, question_id, next_try_at)
SELECT place.id, question_id, now() + make_interval(secs => $3) FROM place, unnest($2::uuid[]) AS question_id
ON CONFLICT (assessment_id, question_id) DO UPDATE SET next_try_at = excluded.next_try_at
WHERE h.next_try_at <= now()
RETURNING question_id;

-- name: record_rescore_try
-- Counts the try if $3, and sets the time of the next one.
UPDATE essay_healing
SET tries = tries + $3::boolean::int, next_try_at = now() + make_interval(secs => $4 * 2 ^ (tries + $3::boolean::int))
WHERE assessment_id = $1 AND question_id = $2;
