-- Essay scores in depth: a cache of the models' answers, overrides by people, and rescoring of degraded essays.

-- Which essays a run scores: `needed` those without a score, `anew` all of them because a person asked for it, `bought`
-- those whose answer is cached. (Migration 0016 renames the values.)
ALTER TABLE async_jobs
    ADD COLUMN mode varchar(20) NOT NULL DEFAULT 'needed',
    ADD CONSTRAINT async_jobs_mode_check CHECK (mode IN ('needed', 'anew', 'bought'));

-- Equal for the same essay, question, rubric, model and version of the prompt.
ALTER TABLE model_calls ADD COLUMN fingerprint bytea;
CREATE INDEX model_calls_bought_idx ON model_calls (fingerprint, id DESC) WHERE outcome = 'answered';
CREATE INDEX model_calls_newest_idx ON model_calls (created_at);

-- Dollars of a day (UTC): what calls have cost, and what calls in flight may cost at most. The reservation of a worker
-- that died is kept, since it is not known whether the provider charged for the call.
CREATE TABLE model_budget (
    day      date PRIMARY KEY,
    spent    double precision NOT NULL DEFAULT 0 CHECK (spent >= 0),
    reserved double precision NOT NULL DEFAULT 0 CHECK (reserved >= 0)
);

-- Scores by people; the newest one of a question counts.
CREATE TABLE score_overrides (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    assessment_id uuid NOT NULL,
    question_id   uuid NOT NULL,
    score         double precision NOT NULL CHECK (score >= 0),
    max_score     double precision NOT NULL,
    -- The machine's score that it overrides; NULL if there was none.
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
    -- Rises with each override, so that fusion can name the overrides that it has read.
    ADD COLUMN overrides_version bigint NOT NULL DEFAULT 0,
    -- Whether a score waits for a review by a person.
    ADD COLUMN needs_review boolean NOT NULL DEFAULT false;
CREATE INDEX assessments_review_idx ON assessments (created_at DESC, id DESC) WHERE needs_review;
CREATE INDEX assessments_degraded_idx ON assessments (completed_at)
    WHERE status = 'completed' AND (degraded_reasons @> '[{"code": "essay_scored_locally"}]'
                                    OR degraded_reasons @> '[{"code": "essay_unscored"}]');

-- How often the result of the run was fused again because of an override.
ALTER TABLE results ADD COLUMN edition integer NOT NULL DEFAULT 0;
ALTER TABLE webhook_deliveries
    ADD COLUMN edition integer NOT NULL DEFAULT 0,
    DROP CONSTRAINT webhook_deliveries_once_key,
    ADD CONSTRAINT webhook_deliveries_once_key UNIQUE (assessment_id, run, edition, event_type);

-- Tries to rescore degraded essays once the model answers again, and the turn of the worker that does it.
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
