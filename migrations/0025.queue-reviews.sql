-- What needs a person, who holds which item of it, and people's confirmations and points by dimension.

ALTER TABLE score_overrides
    -- Whether the person confirmed the machine's score.
    ADD COLUMN confirmed boolean NOT NULL DEFAULT false,
    -- The points of the four dimensions, where the person gave them.
    ADD COLUMN dimensions jsonb;

CREATE TABLE review_items (
    assessment_id uuid NOT NULL,
    question_id   uuid NOT NULL,
    track_id      uuid NOT NULL REFERENCES tracks,
    reasons       text[] NOT NULL,
    -- The confidence in the machine's score; NULL if there is none.
    confidence    double precision,
    created_at    timestamptz NOT NULL DEFAULT now(),
    -- The item's place in the shuffled order.
    shuffle_key   double precision NOT NULL DEFAULT random(),
    PRIMARY KEY (assessment_id, question_id),
    FOREIGN KEY (assessment_id, question_id) REFERENCES assessment_questions ON DELETE CASCADE,
    CONSTRAINT review_items_reasons_check CHECK (cardinality(reasons) > 0 AND reasons <@ ARRAY[
        'models_differ', 'low_confidence', 'suspected_injection', 'injection_check_failed', 'unscored', 'appeal'])
);
CREATE INDEX review_items_oldest_idx ON review_items (created_at, assessment_id, question_id);
CREATE INDEX review_items_confidence_idx ON review_items ((coalesce(confidence, 0)), assessment_id, question_id);
CREATE INDEX review_items_shuffled_idx ON review_items (shuffle_key, assessment_id, question_id);

CREATE TABLE review_reservations (
    assessment_id  uuid NOT NULL,
    question_id    uuid NOT NULL,
    reserved_by    text NOT NULL,
    reserved_until timestamptz NOT NULL,
    PRIMARY KEY (assessment_id, question_id),
    FOREIGN KEY (assessment_id, question_id) REFERENCES assessment_questions ON DELETE CASCADE
);
CREATE INDEX review_reservations_end_idx ON review_reservations (reserved_until);

-- Why an essay with this line of a result needs a person; empty if it does not, or if a person has scored it.
CREATE FUNCTION review_reasons(line json) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN json_typeof(line -> 'override') = 'object' THEN '{}' ELSE array_remove(ARRAY[
        CASE WHEN differ THEN 'models_differ' END,
        -- A score without any evidence has this flag for no other reason.
        CASE WHEN flags ? 'low_confidence'
               OR flags ? 'needs_review' AND NOT differ AND NOT flags ? 'injection_check_failed'
             THEN 'low_confidence' END,
        CASE WHEN flags ? 'suspected_injection' THEN 'suspected_injection' END,
        CASE WHEN flags ? 'injection_check_failed' THEN 'injection_check_failed' END,
        CASE WHEN line ->> 'score' IS NULL THEN 'unscored' END], NULL) END
    FROM (SELECT coalesce((line -> 'flags')::jsonb, '[]') AS flags) AS f,
    LATERAL (
        SELECT flags ? 'needs_review' AND json_typeof(line -> 'second_opinion') = 'object'
           AND abs((SELECT sum((dimension.value ->> 'score')::int) FROM json_each(line -> 'dimensions') AS dimension)
                   - (line #>> '{second_opinion,total}')::int) > 20 AS differ
    ) AS d
$$;

-- A trigger, so that no version of the code can store a result without asking a person where one is needed. An appeal
-- stays until a person has answered it.
CREATE FUNCTION update_review_items() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO review_items AS i (assessment_id, question_id, track_id, reasons, confidence)
    SELECT a.id, (line ->> 'question_id')::uuid, a.track_id, review_reasons(line), (line ->> 'confidence')::float8
    FROM assessments a, json_array_elements(NEW.body #> '{breakdown,essay,questions}') AS line
    WHERE a.id = NEW.assessment_id AND review_reasons(line) <> '{}'
    ON CONFLICT (assessment_id, question_id) DO UPDATE
    SET confidence = excluded.confidence,
        reasons = excluded.reasons || CASE WHEN 'appeal' = ANY(i.reasons) THEN '{appeal}' ELSE '{}' END::text[];
    WITH settled AS (
        SELECT (line ->> 'question_id')::uuid AS question_id
        FROM json_array_elements(NEW.body #> '{breakdown,essay,questions}') AS line
        WHERE review_reasons(line) = '{}'
    ), kept AS (
        UPDATE review_items i SET reasons = '{appeal}' FROM settled
        WHERE i.assessment_id = NEW.assessment_id AND i.question_id = settled.question_id
          AND 'appeal' = ANY(i.reasons)
    )
    DELETE FROM review_items i USING settled
    WHERE i.assessment_id = NEW.assessment_id AND i.question_id = settled.question_id
      AND NOT 'appeal' = ANY(i.reasons);
    RETURN NULL;
END $$;

CREATE TRIGGER results_ask_people AFTER INSERT OR UPDATE OF body
    ON results FOR EACH ROW EXECUTE FUNCTION update_review_items();

INSERT INTO review_items (assessment_id, question_id, track_id, reasons, confidence, created_at)
SELECT a.id, (line ->> 'question_id')::uuid, a.track_id, review_reasons(line), (line ->> 'confidence')::float8,
       a.completed_at
FROM assessments a
JOIN LATERAL (SELECT r.body FROM results r WHERE r.assessment_id = a.id ORDER BY r.run DESC LIMIT 1) AS newest ON true,
     json_array_elements(newest.body #> '{breakdown,essay,questions}') AS line
WHERE a.status = 'completed' AND review_reasons(line) <> '{}';
UPDATE assessments a SET needs_review = true
WHERE NOT a.needs_review AND EXISTS (SELECT FROM review_items i WHERE i.assessment_id = a.id);

ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_action_check,
    ADD CONSTRAINT audit_log_action_check
        CHECK (action IN ('create', 'update', 'delete', 'retry', 'override', 'rescore', 'restore', 'rotate', 'revoke',
                          'confirm', 'reserve', 'release'));
