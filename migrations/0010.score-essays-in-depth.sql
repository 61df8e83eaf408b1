-- Essay scores that can be doubted: what was bought is kept and used again, people's scores stand beside the machine's.

-- How a run goes about its essays: `needed` scores what has no score, `anew` buys every score again because a person
-- asked for it, `bought` only puts answers to use that a healing pass has bought already.
ALTER TABLE async_jobs
    ADD COLUMN mode varchar(20) NOT NULL DEFAULT 'needed',
    ADD CONSTRAINT async_jobs_mode_check CHECK (mode IN ('needed', 'anew', 'bought'));

-- Equal essay, question, rubric, model and prompt version have the same fingerprint.
ALTER TABLE model_calls ADD COLUMN fingerprint bytea;
CREATE INDEX model_calls_bought_idx ON model_calls (fingerprint, id DESC) WHERE outcome = 'answered';
CREATE INDEX model_calls_newest_idx ON model_calls (created_at);

-- Dollars of a day (UTC): what calls have cost, and what calls that are on their way may cost at most. What a worker
-- that died had reserved stays reserved, since nobody knows whether the provider counted it.
CREATE TABLE model_budget (
    day      date PRIMARY KEY,
    spent    double precision NOT NULL DEFAULT 0 CHECK (spent >= 0),
    reserved double precision NOT NULL DEFAULT 0 CHECK (reserved >= 0)
);

-- What people said of scores; the newest of a question counts.
CREATE TABLE score_overrides (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    assessment_id uuid NOT NULL,
    question_id   uuid NOT NULL,
    score         double precision NOT NULL CHECK (score >= 0),
    max_score     double precision NOT NULL,
    -- The machine's score that it stands beside; NULL where there was none.
    machine_score double precision,
    scorer        varchar(20),
    reason        text NOT NULL,
    actor         text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (assessment_id, question_id) REFERENCES assessment_questions,
    CONSTRAINT score_overrides_range_check CHECK (score <= max_score)
);
CREATE INDEX score_overrides_newest_idx ON score_overrides (assessment_id, question_id, id DESC);

ALTER TABLE assessments
    -- Grows with each override, so that fusion can name the overrides that it read.
    ADD COLUMN overrides_version bigint NOT NULL DEFAULT 0,
    -- Whether a score waits for a person's look.
    ADD COLUMN needs_review boolean NOT NULL DEFAULT false;
CREATE INDEX assessments_review_idx ON assessments (created_at DESC, id DESC) WHERE needs_review;
CREATE INDEX assessments_degraded_idx ON assessments (completed_at)
    WHERE status = 'completed' AND (degraded_reasons @> '[{"code": "essay_scored_locally"}]'
                                    OR degraded_reasons @> '[{"code": "essay_unscored"}]');

-- An override fuses the result of a run again: `edition` counts how often.
ALTER TABLE results ADD COLUMN edition integer NOT NULL DEFAULT 0;
ALTER TABLE webhook_deliveries
    ADD COLUMN edition integer NOT NULL DEFAULT 0,
    DROP CONSTRAINT webhook_deliveries_once_key,
    ADD CONSTRAINT webhook_deliveries_once_key UNIQUE (assessment_id, run, edition, event_type);

-- Tries to score degraded essays once the model is back; and whose turn it is to look for them.
CREATE TABLE healing_turn (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    until    timestamptz NOT NULL
);
CREATE TABLE essay_healing (
    assessment_id uuid NOT NULL,
    question_id   uuid NOT NULL,
    tries         integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    next_try_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (assessment_id, question_id),
    FOREIGN KEY (assessment_id, question_id) REFERENCES assessment_questions
);

ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_action_check,
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_action_check
        CHECK (action IN ('create', 'update', 'delete', 'retry', 'override', 'rescore')),
    ADD CONSTRAINT audit_log_entity_check
        CHECK (entity IN ('track', 'question', 'credential', 'job', 'delivery', 'score', 'assessment'));
