-- Figures of many assessments, and the grade book. Each statement takes a track ($1, or NULL for all) and a period
-- (from $2 up to $3, which is excluded).

-- name: score_groups
-- The scores of the newest results of completed assessments that were started in the period: a row for each track and
-- type (`whole`, without people's scores), and one for each of its scorers, of which one is `person`. Questions without
-- an answer or without a score are counted and left out of the rest, as are questions without points. Percentages are
-- rounded, or 70 % might fall into the bin below.
WITH chosen AS (
    SELECT a.id, t.slug AS track, a.degraded,
           (SELECT max(r.run) FROM results r WHERE r.assessment_id = a.id) AS run
    FROM assessments a JOIN tracks t ON t.id = a.track_id
    WHERE a.created_at >= $2 AND a.created_at < $3 AND a.status = 'completed' AND ($1::text IS NULL OR t.slug = $1)
), newest AS (
    SELECT DISTINCT ON (s.assessment_id, s.question_id, s.score_type)
           s.assessment_id, s.question_id, chosen.track, s.score_type, s.scorer, s.missing, s.score IS NULL AS unscored,
           CASE WHEN NOT s.missing THEN round(1e8 * s.score / nullif(s.max_score, 0)) / 1e6 END AS percentage,
           coalesce((s.detail ->> 'dropped_quotes')::int, 0) AS dropped_quotes
    FROM chosen JOIN scores s ON s.assessment_id = chosen.id
                             AND (s.run = chosen.run OR s.run < chosen.run AND s.score IS NOT NULL)
    ORDER BY s.assessment_id, s.question_id, s.score_type, s.run DESC
), people AS (
    SELECT newest.track, newest.score_type, 'person' AS scorer, false AS missing, false AS unscored,
           round(1e8 * o.score / nullif(o.max_score, 0)) / 1e6 AS percentage, 0 AS dropped_quotes
    -- From the overrides, of which there are few, to their scores, and not the other way round.
    FROM (SELECT DISTINCT ON (s.assessment_id, s.question_id) s.assessment_id, s.question_id, s.score, s.max_score
          FROM chosen JOIN score_overrides s ON s.assessment_id = chosen.id
          ORDER BY s.assessment_id, s.question_id, s.id DESC) AS o
    JOIN newest USING (assessment_id, question_id)
), lines AS (
    SELECT track, score_type, scorer, missing, unscored, percentage, dropped_quotes, false AS of_person FROM newest
    UNION ALL SELECT *, true FROM people
), grouped AS (
    SELECT track, score_type, of_person, scorer, grouping(scorer) = 1 AS whole,
           count(percentage)::int AS count,
           (count(*) FILTER (WHERE missing))::int AS missing,
           (count(*) FILTER (WHERE unscored))::int AS unscored,
           avg(percentage) AS mean,
           percentile_cont('{0.1,0.25,0.5,0.75,0.9}'::float8[]) WITHIN GROUP (ORDER BY percentage) AS quantiles,
           ARRAY[count(*) FILTER (WHERE bin = 0), count(*) FILTER (WHERE bin = 1), count(*) FILTER (WHERE bin = 2),
                 count(*) FILTER (WHERE bin = 3), count(*) FILTER (WHERE bin = 4), count(*) FILTER (WHERE bin = 5),
                 count(*) FILTER (WHERE bin = 6), count(*) FILTER (WHERE bin = 7), count(*) FILTER (WHERE bin = 8),
                 count(*) FILTER (WHERE bin = 9)] AS histogram,
           sum(dropped_quotes)::int AS dropped_quotes
    FROM lines, LATERAL (SELECT CASE WHEN percentage >= 100 THEN 9 ELSE floor(percentage / 10) END AS bin) AS binned
    GROUP BY GROUPING SETS ((track, score_type, of_person), (track, score_type, of_person, scorer))
), totals AS (
    SELECT track, count(*)::int AS assessments, (count(*) FILTER (WHERE degraded))::int AS degraded
    FROM chosen GROUP BY track
)
SELECT grouped.track, grouped.score_type, grouped.scorer, grouped.whole, grouped.count, grouped.missing,
       grouped.unscored, grouped.mean, grouped.quantiles, grouped.histogram, grouped.dropped_quotes,
       totals.assessments, totals.degraded
FROM grouped JOIN totals USING (track)
WHERE grouped.whole AND NOT grouped.of_person OR NOT grouped.whole AND grouped.scorer IS NOT NULL
ORDER BY grouped.track, array_position('{theoretical,profile,essay_gpt}'::text[], grouped.score_type::text),
         grouped.whole DESC, grouped.scorer;

-- name: overridden_scores
-- The newest override or confirmation of each question of the same assessments, with the machine's score that it is
-- about, as shares of the maximum.
SELECT o.score / o.max_score AS human, o.machine_score / o.max_score AS machine, coalesce(o.scorer, 'rule') AS scorer
FROM assessments a
JOIN tracks t ON t.id = a.track_id,
LATERAL (SELECT DISTINCT ON (question_id) score, max_score, machine_score, scorer
         FROM score_overrides WHERE assessment_id = a.id ORDER BY question_id, id DESC) AS o
WHERE a.created_at >= $2 AND a.created_at < $3 AND a.status = 'completed' AND ($1::text IS NULL OR t.slug = $1)
  AND o.machine_score IS NOT NULL AND o.max_score > 0
ORDER BY scorer;

-- name: model_calls
-- The model calls of the period by model and prompt; calls to embed credentials belong to no track. The cost is of
-- calls whose price is known.
WITH chosen AS (
    SELECT c.id, c.provider_message, c.provider, c.model, c.prompt_version, c.outcome, c.tokens_in, c.tokens_out,
           c.cost_usd, c.latency_ms
    FROM model_calls c
    LEFT JOIN assessments a ON a.id = c.assessment_id
    LEFT JOIN tracks t ON t.id = a.track_id
    WHERE c.created_at >= $2 AND c.created_at < $3 AND ($1::text IS NULL OR t.slug = $1)
), outcomes AS (
    SELECT provider, model, prompt_version, jsonb_object_agg(outcome, calls) AS outcomes,
           coalesce(jsonb_object_agg(outcome, message) FILTER (WHERE message IS NOT NULL), '{}') AS messages
    FROM (SELECT provider, model, prompt_version, outcome, count(*) AS calls,
                 (array_agg(provider_message ORDER BY id DESC)
                  FILTER (WHERE provider_message IS NOT NULL))[1] AS message
          FROM chosen
          GROUP BY provider, model, prompt_version, outcome) AS counted
    GROUP BY provider, model, prompt_version
)
SELECT provider, model, prompt_version, count(*)::int AS calls, outcomes.outcomes,
       outcomes.messages AS provider_messages,
       sum(tokens_in)::bigint AS tokens_in, sum(tokens_out)::bigint AS tokens_out, sum(cost_usd)::float8 AS cost_usd,
       (count(*) - count(cost_usd))::int AS calls_without_cost,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) AS latency_p50_ms,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms) AS latency_p95_ms
FROM chosen JOIN outcomes USING (provider, model, prompt_version)
GROUP BY provider, model, prompt_version, outcomes.outcomes, outcomes.messages
ORDER BY provider, model, prompt_version;

-- name: daily_model_calls
-- The same calls by day (UTC), without days that have none.
SELECT (c.created_at AT TIME ZONE 'UTC')::date AS day, count(*)::int AS calls,
       sum(c.tokens_in)::bigint AS tokens_in, sum(c.tokens_out)::bigint AS tokens_out,
       sum(c.cost_usd)::float8 AS cost_usd
FROM model_calls c
LEFT JOIN assessments a ON a.id = c.assessment_id
LEFT JOIN tracks t ON t.id = a.track_id
WHERE c.created_at >= $2 AND c.created_at < $3 AND ($1::text IS NULL OR t.slug = $1)
GROUP BY day ORDER BY day;

-- name: overview
-- The assessments that were started in the period, in one row; an open one past its time counts as expired.
WITH chosen AS (
    SELECT a.id, a.degraded_reasons, a.completed_at - a.submitted_at AS took,
           CASE WHEN a.status = 'in_progress' AND a.expires_at <= now() THEN 'expired' ELSE a.status END AS status
    FROM assessments a JOIN tracks t ON t.id = a.track_id
    WHERE a.created_at >= $2 AND a.created_at < $3 AND ($1::text IS NULL OR t.slug = $1)
), completed AS (
    SELECT chosen.id, chosen.degraded_reasons, extract(epoch FROM chosen.took)::float8 AS took,
           (SELECT r.overall_percentage FROM results r
            WHERE r.assessment_id = chosen.id ORDER BY r.run DESC LIMIT 1) AS percentage
    FROM chosen WHERE chosen.status = 'completed'
)
SELECT (SELECT coalesce(jsonb_object_agg(status, assessments), '{}')
        FROM (SELECT status, count(*) AS assessments FROM chosen GROUP BY status) AS counted) AS statuses,
       (SELECT coalesce(jsonb_object_agg(code, assessments), '{}')
        FROM (SELECT reason ->> 'code' AS code, count(DISTINCT id) AS assessments
              FROM completed, jsonb_array_elements(degraded_reasons) AS reason GROUP BY code) AS counted) AS reasons,
       (SELECT coalesce(jsonb_object_agg(status, appeals), '{}')
        FROM (SELECT ap.status, count(*) AS appeals
              FROM completed JOIN appeals ap ON ap.assessment_id = completed.id GROUP BY ap.status) AS counted)
       AS appeals,
       (count(*) FILTER (WHERE degraded_reasons <> '[]'))::int AS degraded,
       avg(percentage) AS mean_percentage,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY took) AS latency_p50,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY took) AS latency_p95
FROM completed;

-- name: ended_jobs
-- The ended jobs of the same assessments, of all runs, by type.
WITH chosen AS (
    SELECT j.job_type, j.status, j.error ->> 'code' AS code
    FROM async_jobs j
    JOIN assessments a ON a.id = j.assessment_id
    JOIN tracks t ON t.id = a.track_id
    WHERE a.created_at >= $2 AND a.created_at < $3 AND ($1::text IS NULL OR t.slug = $1)
      AND j.status IN ('completed', 'failed')
), failures AS (
    SELECT job_type, jsonb_object_agg(code, jobs) AS codes
    FROM (SELECT job_type, code, count(*) AS jobs FROM chosen WHERE status = 'failed'
          GROUP BY job_type, code) AS counted
    GROUP BY job_type
)
SELECT job_type, count(*)::int AS ended, (count(*) FILTER (WHERE status = 'failed'))::int AS failed,
       coalesce(failures.codes, '{}') AS codes
FROM chosen LEFT JOIN failures USING (job_type)
GROUP BY job_type, failures.codes
ORDER BY array_position('{gpt,rag,fusion}'::text[], job_type::text);

-- name: open_gradebook
-- For reading batch by batch, as of the moment when it is opened.
-- The assessments of a track ($1) that were started from $2 up to $3, which is excluded; NULL: all. The oldest come
-- first. The points are of the newest result, and an open assessment past its time is shown as expired.
DECLARE gradebook NO SCROLL CURSOR FOR
SELECT a.id AS assessment_id, a.owner, t.slug AS track,
       CASE WHEN shown.expired THEN 'expired' ELSE a.status END AS status,
       a.created_at, a.submitted_at,
       CASE WHEN shown.expired THEN a.expires_at ELSE a.completed_at END AS completed_at,
       r.theoretical_score, r.theoretical_max_score, r.theoretical_percentage,
       r.profile_score, r.profile_max_score, r.profile_percentage,
       r.essay_score, r.essay_max_score, r.essay_percentage,
       r.overall_score, r.overall_max_score, r.overall_percentage,
       r.provisional, a.degraded, a.needs_review
FROM assessments a
JOIN tracks t ON t.id = a.track_id
CROSS JOIN LATERAL (SELECT a.status = 'in_progress' AND a.expires_at <= now() AS expired) AS shown
LEFT JOIN LATERAL (SELECT * FROM results WHERE assessment_id = a.id AND a.status = 'completed'
                   ORDER BY run DESC LIMIT 1) AS r ON true
WHERE ($1::text IS NULL OR a.track_id = (SELECT id FROM tracks WHERE slug = $1))
  AND ($2::timestamptz IS NULL OR a.created_at >= $2)
  AND ($3::timestamptz IS NULL OR a.created_at < $3)
ORDER BY a.created_at, a.id;

-- name: next_gradebook_rows
FETCH 500 FROM gradebook;

-- name: question_statistics
-- How the questions of a track ($1) did in its newest $2 completed assessments, of those that were started from $4 up
-- to $5, which is excluded (NULL: all): for each the beginning of its text, how many answers have points,
-- their mean share of the maximum, and the correlation of that share with the share that the same student has of all
-- other theoretical questions and essays. A person's points count before the machine's. What would be computed from
-- fewer than $3 answers is NULL. Profile questions, whose every answer earns full points, are only counted.
WITH chosen AS (
    SELECT a.id, (SELECT max(r.run) FROM results r WHERE r.assessment_id = a.id) AS run
    FROM assessments a JOIN tracks t ON t.id = a.track_id
    WHERE t.slug = $1 AND a.status = 'completed' AND ($4::timestamptz IS NULL OR a.created_at >= $4)
      AND ($5::timestamptz IS NULL OR a.created_at < $5)
    ORDER BY a.created_at DESC, a.id DESC LIMIT $2
), overridden AS (
    SELECT DISTINCT ON (o.assessment_id, o.question_id) o.assessment_id, o.question_id, o.score
    FROM chosen JOIN score_overrides o ON o.assessment_id = chosen.id
    ORDER BY o.assessment_id, o.question_id, o.id DESC
), newest AS (
    -- LATERAL, so that the index finds the scores of each assessment, however many scores there are.
    SELECT chosen.id AS assessment_id, s.question_id, s.missing, s.max_score, s.score_type = 'profile' AS of_profile,
           coalesce(o.score, s.score) AS score
    FROM chosen
    CROSS JOIN LATERAL (SELECT DISTINCT ON (question_id) question_id, missing, max_score, score_type, score
                        FROM scores
                        WHERE assessment_id = chosen.id
                          AND (run = chosen.run OR run < chosen.run AND score IS NOT NULL)
                        ORDER BY question_id, run DESC) AS s
    LEFT JOIN overridden o ON o.assessment_id = chosen.id AND o.question_id = s.question_id
), lines AS (
    SELECT question_id, missing, of_profile, score / nullif(max_score, 0) AS share,
           CASE WHEN NOT of_profile
                THEN (sum(score) FILTER (WHERE NOT of_profile) OVER whole - score)
                     / nullif(sum(max_score) FILTER (WHERE NOT of_profile AND score IS NOT NULL) OVER whole
                              - max_score, 0)
           END AS rest
    FROM newest WINDOW whole AS (PARTITION BY assessment_id)
), figures AS (
    SELECT question_id, count(*)::int AS answered,
           CASE WHEN count(share) >= $3 AND NOT bool_and(of_profile) THEN avg(share) END AS mean_share,
           CASE WHEN count(rest) FILTER (WHERE share IS NOT NULL) >= $3 THEN corr(share, rest) END AS discrimination
    FROM lines WHERE NOT missing GROUP BY question_id
)
SELECT figures.*, q.type AS question_type, left(v.body ->> 'prompt', 200) AS prompt
FROM figures
JOIN questions q ON q.id = figures.question_id
JOIN question_versions v ON v.question_id = q.id AND v.version = q.current_version
ORDER BY array_position('{theoretical,essay,profile}'::text[], q.type::text), prompt, q.id;
