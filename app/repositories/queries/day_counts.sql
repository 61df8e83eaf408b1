-- Counting whole days (migration 0042): the day $1, from $2 up to $3. All in one transaction that holds the lock.
-- Changes that are noted are taken first: each is committed by then, and so is in what the later statements count.

-- name: try_lock
-- Whether nobody else counts days; held until the transaction ends.
SELECT pg_try_advisory_xact_lock(hashtextextended('counted_days', 3));

-- name: next_day
-- The newest day that ended at least $1 seconds ago and was not counted yet, or has changed since. No row: none.
WITH bounds AS (
    SELECT (least((SELECT min(created_at) FROM assessments), (SELECT min(created_at) FROM model_calls),
                  (SELECT min(given_at) FROM feedback))
            AT TIME ZONE 'UTC')::date AS oldest,
           ((now() - make_interval(secs => $1)) AT TIME ZONE 'UTC')::date - 1 AS newest
)
SELECT max(day) FROM (
    SELECT number::date AS day FROM bounds, generate_series(bounds.oldest, bounds.newest, interval '1 day') AS number
    WHERE NOT EXISTS (SELECT FROM counted_days c WHERE c.day = number::date)
    UNION ALL
    SELECT c.day FROM bounds, changed_days c WHERE c.day <= bounds.newest
) AS due;

-- name: take_changes
DELETE FROM changed_days WHERE day = $1;

-- name: forget_counts
WITH assessments_of AS (DELETE FROM daily_assessments WHERE day = $1
), scores_of AS (DELETE FROM daily_scores WHERE day = $1
), ratings_of AS (DELETE FROM daily_feedback WHERE day = $1
), calls_of AS (DELETE FROM daily_model_calls WHERE day = $1
)
DELETE FROM daily_call_times WHERE day = $1;

-- name: count_assessments
INSERT INTO daily_assessments (day, track_id, figure, key, value, count, total)
SELECT $1::date, track_id, figure, key, about(value), sum(count), sum(total)
FROM count_assessments(ARRAY[$2::timestamptz], ARRAY[$3::timestamptz], NULL)
GROUP BY track_id, figure, key, about(value);

-- name: count_scores
INSERT INTO daily_scores (day, track_id, score_type, of_person, scorer, missing, unscored, percentage, count,
                          dropped_quotes)
SELECT $1::date, track_id, score_type, of_person, scorer, missing, unscored, percentage, count, dropped_quotes
FROM count_scores(ARRAY[$2::timestamptz], ARRAY[$3::timestamptz], NULL);

-- name: count_model_calls
WITH counted AS (
    SELECT * FROM count_model_calls(ARRAY[$2::timestamptz], ARRAY[$3::timestamptz], NULL)
), times AS (
    INSERT INTO daily_call_times (day, track_id, provider, model, prompt_version, latency_ms, calls)
    SELECT $1::date, track_id, provider, model, prompt_version, about(latency_ms), sum(calls)
    FROM counted GROUP BY track_id, provider, model, prompt_version, about(latency_ms)
)
INSERT INTO daily_model_calls (day, track_id, provider, model, prompt_version, outcome, calls, tokens_in, tokens_out,
                               cost_usd, priced, message_id)
SELECT $1::date, track_id, provider, model, prompt_version, outcome, sum(calls), sum(tokens_in), sum(tokens_out),
       sum(cost_usd), sum(priced), max(message_id)
FROM counted GROUP BY track_id, provider, model, prompt_version, outcome;

-- name: count_feedback
INSERT INTO daily_feedback (day, track_id, credential_id, rank, count, relevance_counts, acceptance_counts)
SELECT $1::date, track_id, credential_id, rank, count, relevance_counts, acceptance_counts
FROM count_feedback(ARRAY[$2::timestamptz], ARRAY[$3::timestamptz], NULL);

-- name: record
INSERT INTO counted_days (day) VALUES ($1) ON CONFLICT (day) DO UPDATE SET counted_at = now();
