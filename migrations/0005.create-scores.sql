-- Scores: a row for each question and type of a run, with a score or with the reason why there is none.

CREATE TABLE scores (
    assessment_id    uuid NOT NULL,
    run              integer NOT NULL CHECK (run > 0),
    question_id      uuid NOT NULL,
    question_version integer NOT NULL,
    score_type       varchar(20) NOT NULL,
    score            double precision,
    max_score        double precision NOT NULL CHECK (max_score > 0),
    missing          boolean NOT NULL DEFAULT false,
    correct          boolean,
    -- Why there is no score: a reason code of the API.
    reason           varchar(64),
    -- The essay's dimensions with their evidence.
    detail           jsonb,
    scorer           varchar(20),
    model            text,
    prompt_version   text,
    confidence       double precision CHECK (confidence BETWEEN 0 AND 1),
    created_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT scores_one_of_a_run_key PRIMARY KEY (assessment_id, run, question_id, score_type),
    FOREIGN KEY (assessment_id, question_id) REFERENCES assessment_questions,
    FOREIGN KEY (question_id, question_version) REFERENCES question_versions,
    CONSTRAINT scores_score_type_check CHECK (score_type IN ('theoretical', 'profile', 'essay_gpt')),
    CONSTRAINT scores_range_check CHECK (score BETWEEN 0 AND max_score),
    CONSTRAINT scores_reason_check CHECK ((score IS NULL) = (reason IS NOT NULL)),
    CONSTRAINT scores_missing_check CHECK (NOT missing OR score = 0)
);

-- Calls of models, with the raw answer and the cost; each is stored as soon as it ends.
CREATE TABLE model_calls (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    assessment_id  uuid NOT NULL REFERENCES assessments,
    run            integer NOT NULL,
    question_id    uuid NOT NULL,
    provider       text NOT NULL,
    model          text NOT NULL,
    prompt_version text NOT NULL,
    outcome        varchar(40) NOT NULL,
    tokens_in      integer NOT NULL DEFAULT 0,
    tokens_out     integer NOT NULL DEFAULT 0,
    cost_usd       numeric(12, 6),
    latency_ms     integer NOT NULL,
    answer         text,
    created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX model_calls_assessment_idx ON model_calls (assessment_id, run);
