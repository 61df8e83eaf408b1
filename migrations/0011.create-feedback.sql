-- People's ratings of a result as a whole, or of one recommendation in it.

CREATE TABLE feedback (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    assessment_id uuid NOT NULL,
    -- The run whose result was rated, since the rank of a recommendation influences its rating.
    run           integer NOT NULL,
    -- NULL: the result as a whole.
    credential_id uuid,
    author        text NOT NULL,
    relevance     smallint NOT NULL CHECK (relevance BETWEEN 1 AND 5),
    acceptance    smallint NOT NULL CHECK (acceptance BETWEEN 1 AND 5),
    comment       text,
    given_at      timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (assessment_id, run) REFERENCES results,
    -- Only recommended credentials can be rated; not checked if NULL.
    FOREIGN KEY (assessment_id, run, credential_id) REFERENCES recommendations (assessment_id, run, credential_id)
);
-- A person's new rating replaces the earlier one. NULLs are never equal, so a constant stands for NULL.
CREATE UNIQUE INDEX feedback_once_key
    ON feedback (assessment_id, author, coalesce(credential_id, '00000000-0000-0000-0000-000000000000'));
CREATE INDEX feedback_newest_idx ON feedback (given_at);
