-- Essays that the model did not score, and another try of them when it is back.

-- name: take_turn
-- One worker at a time looks for them, for $1 seconds. No row: another one does.
INSERT INTO healing_turn AS t (until) VALUES (now() + make_interval(secs => $1))
ON CONFLICT (only_one) DO UPDATE SET until = excluded.until WHERE t.until <= now()
RETURNING only_one;

-- name: find_due
-- The oldest assessments, at most $3 and $1 seconds old, with essays that no model and no person scored and that have
-- fewer than $2 tries behind them. One whose jobs run is left alone.
SELECT a.id AS assessment_id, a.run, due.question_ids
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
       OR a.degraded_reasons @> '[{"code": "essay_unscored"}]')
  AND a.completed_at > now() - make_interval(secs => $1)
  AND due.question_ids IS NOT NULL
  AND NOT EXISTS (SELECT FROM async_jobs j WHERE j.assessment_id = a.id AND j.run = a.run
                                             AND j.status NOT IN ('completed', 'failed'))
ORDER BY a.completed_at LIMIT $3;

-- name: postpone
-- Keeps other workers away from essays that are being tried.
INSERT INTO essay_healing AS h (assessment_id, question_id, next_try_at)
SELECT $1, question_id, now() + make_interval(secs => $3) FROM unnest($2::uuid[]) AS question_id
ON CONFLICT (assessment_id, question_id) DO UPDATE SET next_try_at = excluded.next_try_at
WHERE h.next_try_at <= now()
RETURNING question_id;

-- name: record_try
-- What a try came to, whether it was one (`counted`), and when the next one may be.
UPDATE essay_healing
SET tries = tries + $3::boolean::int, next_try_at = now() + make_interval(secs => $4 * 2 ^ (tries + $3::boolean::int))
WHERE assessment_id = $1 AND question_id = $2;
