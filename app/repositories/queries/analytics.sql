-- Figures of many assessments, and the grade book. Statements take a track ($1, or NULL for all) and, where they read
-- counts, the days $2 whose counts are kept, and the spans of time $3 to $4 that are counted now.

-- name: read_coverage
-- The days of the period (from $1 up to $2) whose counts are kept and up to date, and the spans of time between them.
WITH days AS (
    SELECT d.day, greatest(d.since, $1) AS since, least(d.until, $2) AS until,
           d.since >= $1 AND d.until <= $2 AND EXISTS (SELECT FROM counted_days c WHERE c.day = d.day)
           AND NOT EXISTS (SELECT FROM changed_days c WHERE c.day = d.day) AS counted
    FROM (SELECT number::date AS day, number AT TIME ZONE 'UTC' AS since,
                 (number + interval '1 day') AT TIME ZONE 'UTC' AS until
          FROM generate_series(date_trunc('day', $1::timestamptz AT TIME ZONE 'UTC'),
                               $2::timestamptz AT TIME ZONE 'UTC', interval '1 day') AS number) AS d
)
SELECT coalesce(array_agg(day ORDER BY day) FILTER (WHERE counted), '{}') AS days,
       coalesce(array_agg(since ORDER BY day) FILTER (WHERE NOT counted AND since < until), '{}') AS starts,
       coalesce(array_agg(until ORDER BY day) FILTER (WHERE NOT counted AND since < until), '{}') AS ends
FROM days;

-- name: score_counts
-- The scores of the newest results of completed assessments that were started in the period, by percentage
-- (`count_scores`, migration 0042).
-- A percentage may have several rows. The kept counts are added up by themselves and before the tracks are joined: only
-- then the planner knows that the groups are few, and does not sort.
SELECT t.slug AS track, c.score_type, c.of_person, c.scorer, c.missing, c.unscored, c.percentage, c.count,
       c.dropped_quotes
FROM (
    SELECT track_id, score_type, of_person, scorer, missing, unscored, percentage, sum(count)::bigint AS count,
           sum(dropped_quotes)::bigint AS dropped_quotes
    FROM daily_scores
    WHERE day = ANY($2::date[]) AND ($1::text IS NULL OR track_id IN (SELECT id FROM tracks WHERE slug = $1))
    GROUP BY track_id, score_type, of_person, scorer, missing, unscored, percentage
    UNION ALL
    SELECT * FROM count_scores($3, $4, $1)
) AS c
JOIN tracks t ON t.id = c.track_id;

-- name: completed_totals
-- How many assessments the same are, and how many of them are degraded.
SELECT t.slug AS track, sum(c.assessments)::int AS assessments, sum(c.degraded)::int AS degraded
FROM (
    SELECT track_id, CASE figure WHEN 'status' THEN count ELSE 0 END AS assessments,
           CASE figure WHEN 'degraded' THEN count ELSE 0 END AS degraded
    FROM daily_assessments
    WHERE day = ANY($2::date[]) AND (figure = 'status' AND key = 'completed' OR figure = 'degraded')
    UNION ALL
    SELECT a.track_id, 1, a.degraded::int
    FROM unnest($3::timestamptz[], $4::timestamptz[]) AS span(since, until),
    LATERAL (SELECT track_id, degraded, status FROM assessments
             WHERE created_at >= span.since AND created_at < span.until OFFSET 0) AS a
    WHERE a.status = 'completed'
) AS c
JOIN tracks t ON t.id = c.track_id
WHERE $1::text IS NULL OR t.slug = $1
GROUP BY t.slug;

-- name: overridden_scores
-- The newest override or confirmation of each question of completed assessments that were started from $2 up to $3,
-- with the machine's score that it is about, as shares of the maximum.
-- There are few overrides, so they are read first, and OFFSET 0 has each find its assessment. An override is never
-- older than its assessment, so none from before the period is needed.
SELECT o.score / o.max_score AS human, o.machine_score / o.max_score AS machine, coalesce(o.scorer, 'rule') AS scorer
FROM (SELECT DISTINCT ON (assessment_id, question_id) assessment_id, score, max_score, machine_score, scorer
      FROM score_overrides WHERE created_at >= $2 ORDER BY assessment_id, question_id, id DESC) AS o
CROSS JOIN LATERAL (SELECT created_at, status, track_id FROM assessments WHERE id = o.assessment_id OFFSET 0) AS a
WHERE a.created_at >= $2 AND a.created_at < $3 AND a.status = 'completed'
  AND ($1::text IS NULL OR a.track_id IN (SELECT id FROM tracks WHERE slug = $1))
  AND o.machine_score IS NOT NULL AND o.max_score > 0
ORDER BY o.scorer;

-- name: model_calls
-- The model calls of the period by model and prompt; calls to embed credentials belong to no track. The cost is of
-- calls whose price is known. `times` are durations, each with its number of calls.
WITH raw AS MATERIALIZED (
    SELECT * FROM count_model_calls($3, $4, $1)
), chosen AS (
    SELECT provider, model, prompt_version, outcome, calls, tokens_in, tokens_out, cost_usd, priced, message_id FROM raw
    UNION ALL
    SELECT provider, model, prompt_version, outcome, calls, tokens_in, tokens_out, cost_usd, priced, message_id
    FROM daily_model_calls
    WHERE day = ANY($2::date[]) AND ($1::text IS NULL OR track_id IN (SELECT id FROM tracks WHERE slug = $1))
), by_outcome AS (
    SELECT provider, model, prompt_version, outcome, sum(calls) AS calls, sum(tokens_in) AS tokens_in,
           sum(tokens_out) AS tokens_out, sum(cost_usd) AS cost_usd, sum(priced) AS priced,
           max(message_id) AS message_id
    FROM chosen GROUP BY provider, model, prompt_version, outcome
), by_time AS (
    SELECT provider, model, prompt_version, latency_ms, sum(calls) AS calls
    FROM (
        SELECT provider, model, prompt_version, latency_ms, calls FROM raw
        UNION ALL
        SELECT provider, model, prompt_version, latency_ms, calls FROM daily_call_times
        WHERE day = ANY($2::date[]) AND ($1::text IS NULL OR track_id IN (SELECT id FROM tracks WHERE slug = $1))
    ) AS timed
    GROUP BY provider, model, prompt_version, latency_ms
)
SELECT o.provider, o.model, o.prompt_version, sum(o.calls)::int AS calls,
       jsonb_object_agg(o.outcome, o.calls) AS outcomes,
       coalesce(jsonb_object_agg(o.outcome, c.provider_message) FILTER (WHERE c.provider_message IS NOT NULL), '{}')
       AS provider_messages,
       sum(o.tokens_in)::bigint AS tokens_in, sum(o.tokens_out)::bigint AS tokens_out,
       sum(o.cost_usd)::float8 AS cost_usd, (sum(o.calls) - sum(o.priced))::int AS calls_without_cost,
       (SELECT jsonb_agg(jsonb_build_array(t.latency_ms, t.calls)) FROM by_time t
        WHERE (t.provider, t.model, t.prompt_version) = (o.provider, o.model, o.prompt_version)) AS times
FROM by_outcome o LEFT JOIN model_calls c ON c.id = o.message_id
GROUP BY o.provider, o.model, o.prompt_version
ORDER BY o.provider, o.model, o.prompt_version;

-- name: daily_model_calls
-- The same calls by day (UTC), without days that have none.
SELECT day, sum(calls)::int AS calls, sum(tokens_in)::bigint AS tokens_in, sum(tokens_out)::bigint AS tokens_out,
       sum(cost_usd)::float8 AS cost_usd
FROM (
    SELECT day, calls, tokens_in, tokens_out, cost_usd FROM count_model_calls($3, $4, $1)
    UNION ALL
    SELECT day, calls, tokens_in, tokens_out, cost_usd FROM daily_model_calls
    WHERE day = ANY($2::date[]) AND ($1::text IS NULL OR track_id IN (SELECT id FROM tracks WHERE slug = $1))
) AS chosen
GROUP BY day ORDER BY day;

-- name: assessment_counts
-- What is counted of the assessments that were started in the period (`count_assessments`, migration 0042). Those that
-- are open are counted here, since an open one past its time counts as expired.
-- A figure may have several rows.
SELECT figure::text, key, value, sum(count)::bigint AS count, sum(total) AS total FROM daily_assessments
WHERE day = ANY($2::date[]) AND ($1::text IS NULL OR track_id IN (SELECT id FROM tracks WHERE slug = $1))
GROUP BY figure, key, value
UNION ALL
SELECT figure, key, value, count, total FROM count_assessments($3, $4, $1)
UNION ALL
SELECT 'status', CASE WHEN expires_at <= now() THEN 'expired' ELSE status END, NULL, count(*), NULL FROM assessments
WHERE status = 'in_progress' AND created_at >= $5 AND created_at < $6
  AND ($1::text IS NULL OR track_id IN (SELECT id FROM tracks WHERE slug = $1))
GROUP BY 2;

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
    FROM tracks t,
    LATERAL (SELECT id, created_at FROM assessments
             WHERE track_id = t.id AND status = 'completed'
               -- The time of the index (migration 0043).
               AND created_at AT TIME ZONE 'UTC' >= coalesce($4::timestamptz, '-infinity') AT TIME ZONE 'UTC'
               AND created_at AT TIME ZONE 'UTC' < coalesce($5::timestamptz, 'infinity') AT TIME ZONE 'UTC'
             ORDER BY created_at AT TIME ZONE 'UTC' DESC, id DESC LIMIT $2) AS a
    WHERE t.slug = $1
    ORDER BY a.created_at DESC, a.id DESC LIMIT $2
), overridden AS (
    SELECT DISTINCT ON (o.assessment_id, o.question_id) o.assessment_id, o.question_id, o.score
    FROM chosen
    CROSS JOIN LATERAL (SELECT * FROM score_overrides WHERE assessment_id = chosen.id OFFSET 0) AS o
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
