-- Counts of whole days (UTC), so that figures of a year do not read every score of it. A worker counts a day once it is
-- over, and again when something in it has changed.

CREATE TABLE counted_days (
    day        date PRIMARY KEY,
    counted_at timestamptz NOT NULL DEFAULT now()
);

-- A row for each change of what a former day counts: until the day is counted again, its counts are not read.
CREATE TABLE changed_days (day date NOT NULL);
CREATE INDEX changed_days_idx ON changed_days (day);

-- Assessments by the day on which they were started: `figure` says what is counted, by `key` or `value`; `total` is a
-- sum. Open assessments are not in it, because they end without a change of their row.
CREATE TABLE daily_assessments (
    day      date NOT NULL,
    track_id uuid NOT NULL,
    figure   varchar(20) NOT NULL,
    key      text NOT NULL,
    value    double precision,
    count    bigint NOT NULL,
    total    double precision
);
CREATE INDEX daily_assessments_idx ON daily_assessments (figure, day);

-- Scores of the same assessments, by their percentage.
CREATE TABLE daily_scores (
    day            date NOT NULL,
    track_id       uuid NOT NULL,
    score_type     varchar(20) NOT NULL,
    of_person      boolean NOT NULL,
    scorer         varchar(20),
    missing        boolean NOT NULL,
    unscored       boolean NOT NULL,
    percentage     double precision,
    count          bigint NOT NULL,
    dropped_quotes bigint NOT NULL
);
CREATE INDEX daily_scores_idx ON daily_scores (day);

-- Model calls of the day; those to embed credentials, and those whose assessment was erased, belong to no track.
CREATE TABLE daily_model_calls (
    day            date NOT NULL,
    track_id       uuid,
    provider       text NOT NULL,
    model          text NOT NULL,
    prompt_version text NOT NULL,
    outcome        varchar(40) NOT NULL,
    calls          bigint NOT NULL,
    tokens_in      bigint NOT NULL,
    tokens_out     bigint NOT NULL,
    cost_usd       numeric,
    priced         bigint NOT NULL,
    -- The newest call with words of the provider, which stay in the call's own row, where they are erased.
    message_id     bigint
);
CREATE INDEX daily_model_calls_idx ON daily_model_calls (day);
CREATE TABLE daily_call_times (
    day            date NOT NULL,
    track_id       uuid,
    provider       text NOT NULL,
    model          text NOT NULL,
    prompt_version text NOT NULL,
    latency_ms     double precision NOT NULL,
    calls          bigint NOT NULL
);
CREATE INDEX daily_call_times_idx ON daily_call_times (day);

-- Ratings of the day: of results as a whole, without a credential, and of recommendations. The counts are those of the
-- ratings 1 to 5.
CREATE TABLE daily_feedback (
    day               date NOT NULL,
    track_id          uuid NOT NULL,
    credential_id     uuid,
    rank              integer,
    count             bigint NOT NULL,
    relevance_counts  bigint[] NOT NULL,
    acceptance_counts bigint[] NOT NULL
);
CREATE INDEX daily_feedback_idx ON daily_feedback (day);

-- Whatever changes what a day counts also changes the row of its assessment in the same transaction: that raises the
-- revision. `now()` is when the transaction began. A day is counted an hour after its end at the earliest, so what
-- began on the day itself has ended by then (statements take ten seconds at most).
CREATE FUNCTION note_changed_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO changed_days VALUES ((OLD.created_at AT TIME ZONE 'UTC')::date);
    ELSE
        INSERT INTO changed_days VALUES ((NEW.created_at AT TIME ZONE 'UTC')::date);
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.created_at <> OLD.created_at THEN
        INSERT INTO changed_days VALUES ((NEW.created_at AT TIME ZONE 'UTC')::date);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER assessments_insert_changes_day AFTER INSERT ON assessments FOR EACH ROW
    WHEN (NEW.created_at < date_trunc('day', now(), 'UTC')) EXECUTE FUNCTION note_changed_day();
CREATE TRIGGER assessments_update_changes_day AFTER UPDATE ON assessments FOR EACH ROW
    WHEN (least(OLD.created_at, NEW.created_at) < date_trunc('day', now(), 'UTC')) EXECUTE FUNCTION note_changed_day();
CREATE TRIGGER assessments_delete_changes_day AFTER DELETE ON assessments FOR EACH ROW
    WHEN (OLD.created_at < date_trunc('day', now(), 'UTC')) EXECUTE FUNCTION note_changed_day();
CREATE TRIGGER model_calls_insert_changes_day AFTER INSERT ON model_calls FOR EACH ROW
    WHEN (NEW.created_at < date_trunc('day', now(), 'UTC')) EXECUTE FUNCTION note_changed_day();
CREATE TRIGGER model_calls_update_changes_day AFTER UPDATE ON model_calls FOR EACH ROW
    WHEN (least(OLD.created_at, NEW.created_at) < date_trunc('day', now(), 'UTC')) EXECUTE FUNCTION note_changed_day();
CREATE TRIGGER model_calls_delete_changes_day AFTER DELETE ON model_calls FOR EACH ROW
    WHEN (OLD.created_at < date_trunc('day', now(), 'UTC')) EXECUTE FUNCTION note_changed_day();

-- Ratings are their own, and replaced by newer ones.
CREATE FUNCTION note_changed_rating() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changed_days
    SELECT (at AT TIME ZONE 'UTC')::date
    FROM unnest(CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.given_at] WHEN 'DELETE' THEN ARRAY[OLD.given_at]
                           ELSE ARRAY[OLD.given_at, NEW.given_at] END) AS at
    WHERE at < date_trunc('day', now(), 'UTC');
    RETURN NULL;
END $$;
CREATE TRIGGER feedback_changes_day AFTER INSERT OR UPDATE OR DELETE ON feedback
    FOR EACH ROW EXECUTE FUNCTION note_changed_rating();

-- The functions below count what began from each of `starts` up to the same of `ends`, which is excluded, of a
-- track (NULL: all). Days are counted by them, and so is what no counted day contains: both are the same by
-- construction. A subquery with OFFSET 0 is executed for each span: the planner cannot know how short the spans are,
-- and would read the whole table instead.

CREATE FUNCTION count_assessments(starts timestamptz[], ends timestamptz[], of_track text)
RETURNS TABLE (track_id uuid, figure text, key text, value double precision, count bigint, total double precision)
LANGUAGE sql STABLE AS $$
    WITH chosen AS MATERIALIZED (
        SELECT a.* FROM unnest(starts, ends) AS span(since, until),
        LATERAL (
            SELECT s.id, s.track_id, s.status, s.degraded_reasons,
                   extract(epoch FROM s.completed_at - s.submitted_at)::float8 AS took
            FROM assessments s WHERE s.created_at >= span.since AND s.created_at < span.until OFFSET 0) AS a
        WHERE a.status <> 'in_progress'
          AND (of_track IS NULL OR a.track_id IN (SELECT t.id FROM tracks t WHERE t.slug = of_track))
    ), completed AS MATERIALIZED (
        SELECT chosen.*, (SELECT r.overall_percentage FROM results r
                          WHERE r.assessment_id = chosen.id ORDER BY r.run DESC LIMIT 1) AS percentage
        FROM chosen WHERE chosen.status = 'completed'
    )
    SELECT c.track_id, 'status', c.status::text, NULL::float8, count(*), NULL::float8 FROM chosen c GROUP BY 1, 3
    UNION ALL
    SELECT c.track_id, 'degraded', '', NULL, count(*), NULL
    FROM completed c WHERE c.degraded_reasons <> '[]' GROUP BY 1
    UNION ALL
    SELECT c.track_id, 'reason', reason ->> 'code', NULL, count(DISTINCT c.id), NULL
    FROM completed c, jsonb_array_elements(c.degraded_reasons) AS reason GROUP BY 1, 3
    UNION ALL
    SELECT c.track_id, 'appeal', ap.status::text, NULL, count(*), NULL
    FROM completed c, LATERAL (SELECT status FROM appeals WHERE assessment_id = c.id OFFSET 0) AS ap GROUP BY 1, 3
    UNION ALL
    SELECT c.track_id, 'percentage', '', NULL, count(c.percentage), sum(c.percentage) FROM completed c GROUP BY 1
    UNION ALL
    SELECT c.track_id, 'seconds', '', c.took, count(*), NULL FROM completed c GROUP BY 1, 4
    UNION ALL
    -- `gpt/` are completed jobs, `gpt/model_unavailable` those that failed with this code.
    SELECT c.track_id, 'job', j.job_type || '/' || CASE j.status WHEN 'failed' THEN j.error ->> 'code' ELSE '' END,
           NULL, count(*), NULL
    FROM chosen c, LATERAL (SELECT job_type, status, error FROM async_jobs
                            WHERE assessment_id = c.id AND status IN ('completed', 'failed') OFFSET 0) AS j
    GROUP BY 1, 3
$$;

-- The scores of the newest results of completed assessments: the machine's, and people's with the scorer `person`.
-- Questions without an answer or without a score have no percentage, nor do questions without points. Percentages are
-- rounded, or 70 % might fall into the bin below.
CREATE FUNCTION count_scores(starts timestamptz[], ends timestamptz[], of_track text)
RETURNS TABLE (track_id uuid, score_type text, of_person boolean, scorer text, missing boolean, unscored boolean,
               percentage double precision, count bigint, dropped_quotes bigint)
LANGUAGE sql STABLE AS $$
    WITH chosen AS MATERIALIZED (
        SELECT a.id, a.track_id, (SELECT max(r.run) FROM results r WHERE r.assessment_id = a.id) AS run
        FROM unnest(starts, ends) AS span(since, until),
        LATERAL (SELECT s.id, s.track_id, s.status FROM assessments s
                 WHERE s.created_at >= span.since AND s.created_at < span.until OFFSET 0) AS a
        WHERE a.status = 'completed'
          AND (of_track IS NULL OR a.track_id IN (SELECT t.id FROM tracks t WHERE t.slug = of_track))
    ), newest AS MATERIALIZED (
        SELECT chosen.id, chosen.track_id, s.*
        FROM chosen,
        LATERAL (
            SELECT DISTINCT ON (s.question_id, s.score_type)
                   s.question_id, s.score_type::text, s.scorer::text, s.missing, s.score IS NULL AS unscored,
                   CASE WHEN NOT s.missing THEN round(1e8 * s.score / nullif(s.max_score, 0)) / 1e6 END AS percentage,
                   coalesce((s.detail ->> 'dropped_quotes')::int, 0) AS dropped_quotes
            FROM scores s
            WHERE s.assessment_id = chosen.id
              AND (s.run = chosen.run OR s.run < chosen.run AND s.score IS NOT NULL)
            ORDER BY s.question_id, s.score_type, s.run DESC) AS s
    ), overridden AS MATERIALIZED (
        SELECT chosen.id, o.question_id, round(1e8 * o.score / nullif(o.max_score, 0)) / 1e6 AS percentage
        FROM chosen,
        LATERAL (SELECT DISTINCT ON (s.question_id) s.question_id, s.score, s.max_score FROM score_overrides s
                 WHERE s.assessment_id = chosen.id ORDER BY s.question_id, s.id DESC) AS o
    ), people AS (
        SELECT newest.track_id, newest.score_type, o.percentage
        FROM overridden o JOIN newest ON newest.id = o.id AND newest.question_id = o.question_id
    )
    SELECT n.track_id, n.score_type, false, n.scorer, n.missing, n.unscored, n.percentage, count(*),
           sum(n.dropped_quotes)
    FROM newest n GROUP BY 1, 2, 4, 5, 6, 7
    UNION ALL
    SELECT p.track_id, p.score_type, true, 'person', false, false, p.percentage, count(*), 0
    FROM people p GROUP BY 1, 2, 7
$$;

-- Model calls by their duration; the cost is of those whose price is known.
CREATE FUNCTION count_model_calls(starts timestamptz[], ends timestamptz[], of_track text)
RETURNS TABLE (day date, track_id uuid, provider text, model text, prompt_version text, outcome text,
               latency_ms double precision, calls bigint, tokens_in bigint, tokens_out bigint, cost_usd numeric,
               priced bigint, message_id bigint)
LANGUAGE sql STABLE AS $$
    SELECT (c.created_at AT TIME ZONE 'UTC')::date, a.track_id, c.provider, c.model, c.prompt_version, c.outcome::text,
           c.latency_ms::float8, count(*), sum(c.tokens_in), sum(c.tokens_out), sum(c.cost_usd), count(c.cost_usd),
           max(c.id) FILTER (WHERE c.provider_message IS NOT NULL)
    FROM unnest(starts, ends) AS span(since, until)
    CROSS JOIN LATERAL (SELECT * FROM model_calls m
                        WHERE m.created_at >= span.since AND m.created_at < span.until OFFSET 0) AS c
    LEFT JOIN LATERAL (SELECT s.track_id FROM assessments s WHERE s.id = c.assessment_id OFFSET 0) AS a ON true
    WHERE of_track IS NULL OR a.track_id IN (SELECT t.id FROM tracks t WHERE t.slug = of_track)
    GROUP BY 1, 2, 3, 4, 5, 6, 7
$$;

-- Ratings of results and recommendations.
CREATE FUNCTION count_feedback(starts timestamptz[], ends timestamptz[], of_track text)
RETURNS TABLE (track_id uuid, credential_id uuid, rank integer, count bigint, relevance_counts bigint[],
               acceptance_counts bigint[])
LANGUAGE sql STABLE AS $$
    SELECT a.track_id, f.credential_id, c.rank, count(*),
           ARRAY[count(*) FILTER (WHERE f.relevance = 1), count(*) FILTER (WHERE f.relevance = 2),
                 count(*) FILTER (WHERE f.relevance = 3), count(*) FILTER (WHERE f.relevance = 4),
                 count(*) FILTER (WHERE f.relevance = 5)],
           ARRAY[count(*) FILTER (WHERE f.acceptance = 1), count(*) FILTER (WHERE f.acceptance = 2),
                 count(*) FILTER (WHERE f.acceptance = 3), count(*) FILTER (WHERE f.acceptance = 4),
                 count(*) FILTER (WHERE f.acceptance = 5)]
    FROM unnest(starts, ends) AS span(since, until)
    CROSS JOIN LATERAL (SELECT * FROM feedback s
                        WHERE s.given_at >= span.since AND s.given_at < span.until OFFSET 0) AS f
    CROSS JOIN LATERAL (SELECT s.track_id FROM assessments s WHERE s.id = f.assessment_id OFFSET 0) AS a
    LEFT JOIN LATERAL (SELECT s.rank FROM recommendations s
                       WHERE s.assessment_id = f.assessment_id AND s.run = f.run
                         AND s.credential_id = f.credential_id OFFSET 0) AS c ON true
    WHERE of_track IS NULL OR a.track_id IN (SELECT t.id FROM tracks t WHERE t.slug = of_track)
    GROUP BY 1, 2, 3
$$;

-- A duration to within one percent, so that a day has few different ones.
CREATE FUNCTION about(duration double precision) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN duration > 0 THEN 1.02 ^ round(ln(duration) / ln(1.02::float8)) ELSE 0 END
$$;
