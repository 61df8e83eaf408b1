-- The results of runs, and the recommendations in them.

CREATE TABLE results (
    assessment_id uuid NOT NULL REFERENCES assessments,
    run           integer NOT NULL CHECK (run > 0),
    -- json and not jsonb, which would change the order of the names: the body is sent as it was written.
    body          json NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (assessment_id, run)
);

CREATE TABLE recommendations (
    assessment_id      uuid NOT NULL,
    run                integer NOT NULL,
    rank               integer NOT NULL CHECK (rank > 0),
    credential_id      uuid NOT NULL,
    credential_version integer NOT NULL,
    relevance          double precision NOT NULL CHECK (relevance BETWEEN 0 AND 1),
    PRIMARY KEY (assessment_id, run, rank),
    UNIQUE (assessment_id, run, credential_id),
    FOREIGN KEY (assessment_id, run) REFERENCES results,
    FOREIGN KEY (credential_id, credential_version) REFERENCES credential_versions
);
CREATE INDEX recommendations_credential_idx ON recommendations (credential_id);
