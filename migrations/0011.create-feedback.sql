-- What people think of a result as a whole, or of one recommendation in it.

CREATE TABLE feedback (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    assessment_id uuid NOT NULL,
    -- The run whose result was rated: the place where a recommendation stood there sways what people say of it.
    run           integer NOT NULL,
    -- NULL: the result as a whole.
    credential_id uuid,
    author        text NOT NULL,
    relevance     smallint NOT NULL CHECK (relevance BETWEEN 1 AND 5),
    acceptance    smallint NOT NULL CHECK (acceptance BETWEEN 1 AND 5),
    comment       text,
    given_at      timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (assessment_id, run) REFERENCES results,
    -- Only what was recommended can be rated; not checked where it is NULL.
    FOREIGN KEY (assessment_id, run, credential_id) REFERENCES recommendations (assessment_id, run, credential_id)
);
-- The same person's next word replaces the one before. NULLs are not equal to each other, so a stand-in is compared.
CREATE UNIQUE INDEX feedback_once_key
    ON feedback (assessment_id, author, coalesce(credential_id, '00000000-0000-0000-0000-000000000000'));
CREATE INDEX feedback_newest_idx ON feedback (given_at);
