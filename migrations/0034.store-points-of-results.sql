-- The totals of a result in columns of their own: lists and grade books read these of many results, whose bodies are
-- large.

ALTER TABLE results
    ADD COLUMN overall_score          double precision,
    ADD COLUMN overall_max_score      double precision,
    ADD COLUMN overall_percentage     double precision,
    ADD COLUMN theoretical_score      double precision,
    ADD COLUMN theoretical_max_score  double precision,
    ADD COLUMN theoretical_percentage double precision,
    ADD COLUMN profile_score          double precision,
    ADD COLUMN profile_max_score      double precision,
    ADD COLUMN profile_percentage     double precision,
    ADD COLUMN essay_score            double precision,
    ADD COLUMN essay_max_score        double precision,
    ADD COLUMN essay_percentage       double precision,
    -- Whether the totals leave out points of an essay that has no score.
    ADD COLUMN provisional            boolean;

-- A trigger, so that the columns fit the body whichever version of the code stores it.
CREATE FUNCTION copy_result_points() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT o.score, o.max_score, o.percentage, t.score, t.max_score, t.percentage, p.score, p.max_score, p.percentage,
           e.score, e.max_score, e.percentage,
           EXISTS (SELECT FROM json_array_elements(e.questions) AS line
                   WHERE line ->> 'score' IS NULL AND coalesce(json_typeof(line -> 'override'), 'null') = 'null'
                     AND (line ->> 'max_score')::float8 > 0)
    INTO NEW.overall_score, NEW.overall_max_score, NEW.overall_percentage,
         NEW.theoretical_score, NEW.theoretical_max_score, NEW.theoretical_percentage,
         NEW.profile_score, NEW.profile_max_score, NEW.profile_percentage,
         NEW.essay_score, NEW.essay_max_score, NEW.essay_percentage, NEW.provisional
    FROM json_to_record(NEW.body) AS r(overall json, breakdown json),
    json_to_record(r.overall) AS o(score float8, max_score float8, percentage float8),
    json_to_record(r.breakdown) AS b(theoretical json, profile json, essay json),
    json_to_record(b.theoretical) AS t(score float8, max_score float8, percentage float8),
    json_to_record(b.profile) AS p(score float8, max_score float8, percentage float8),
    json_to_record(b.essay) AS e(score float8, max_score float8, percentage float8, questions json);
    RETURN NEW;
END $$;

CREATE TRIGGER results_points BEFORE INSERT OR UPDATE ON results FOR EACH ROW EXECUTE FUNCTION copy_result_points();

-- Not of the body, of which another trigger would ask people to look at former results.
UPDATE results SET provisional = NULL;
