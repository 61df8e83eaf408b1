-- Assessments of students, each with a snapshot of the versions of a track's questions.

CREATE TABLE assessments (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner             text NOT NULL,
    track_id          uuid NOT NULL REFERENCES tracks,
    status            varchar(20) NOT NULL DEFAULT 'in_progress',
    -- Rises with each change that a client can see; it is the ETag.
    revision          bigint NOT NULL DEFAULT 1,
    -- Rises with each save, so that a submission can name the answers that it has read.
    responses_version bigint NOT NULL DEFAULT 0,
    run               integer NOT NULL DEFAULT 1 CHECK (run > 0),
    -- How many jobs of the run fusion still waits for.
    remaining         integer NOT NULL DEFAULT 0,
    degraded          boolean NOT NULL DEFAULT false,
    degraded_reasons  jsonb NOT NULL DEFAULT '[]',
    webhook_url       text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    expires_at        timestamptz NOT NULL,
    submitted_at      timestamptz,
    completed_at      timestamptz,
    CONSTRAINT assessments_status_check
        CHECK (status IN ('in_progress', 'submitted', 'completed', 'failed', 'expired')),
    CONSTRAINT assessments_completed_at_check
        CHECK ((completed_at IS NOT NULL) = (status IN ('completed', 'failed', 'expired'))),
    CONSTRAINT assessments_submitted_at_check
        CHECK ((submitted_at IS NOT NULL) = (status IN ('submitted', 'completed', 'failed'))),
    CONSTRAINT assessments_remaining_check CHECK (remaining >= 0),
    CONSTRAINT assessments_degraded_check CHECK (degraded = (degraded_reasons <> '[]'))
);
CREATE UNIQUE INDEX assessments_one_open_key ON assessments (owner, track_id) WHERE status = 'in_progress';
CREATE INDEX assessments_newest_idx ON assessments (created_at DESC, id DESC);
CREATE INDEX assessments_owner_idx ON assessments (owner, created_at DESC, id DESC);
CREATE INDEX assessments_waiting_idx ON assessments (id) WHERE status = 'submitted';
CREATE INDEX assessments_expiry_idx ON assessments (expires_at) WHERE status = 'in_progress';

CREATE TABLE assessment_questions (
    assessment_id uuid NOT NULL REFERENCES assessments,
    question_id   uuid NOT NULL,
    version       integer NOT NULL,
    position      integer NOT NULL CHECK (position >= 0),
    PRIMARY KEY (assessment_id, question_id),
    UNIQUE (assessment_id, position),
    FOREIGN KEY (question_id, version) REFERENCES question_versions
);

-- A question without a row has no answer.
CREATE TABLE responses (
    assessment_id uuid NOT NULL,
    question_id   uuid NOT NULL,
    answer        jsonb NOT NULL CHECK (answer <> 'null'),
    saved_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (assessment_id, question_id),
    FOREIGN KEY (assessment_id, question_id) REFERENCES assessment_questions
);
