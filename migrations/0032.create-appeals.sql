-- Appeals: the owner of a result asks for a person, once for each question.

CREATE TABLE appeals (
    id            uuid PRIMARY KEY,
    assessment_id uuid NOT NULL,
    question_id   uuid NOT NULL,
    text          text NOT NULL,
    status        varchar(20) NOT NULL DEFAULT 'open',
    created_at    timestamptz NOT NULL DEFAULT now(),
    reply         text,
    answered_by   text,
    answered_at   timestamptz,
    CONSTRAINT appeals_once_key UNIQUE (assessment_id, question_id),
    FOREIGN KEY (assessment_id, question_id) REFERENCES assessment_questions ON DELETE CASCADE,
    CONSTRAINT appeals_status_check CHECK (status IN ('open', 'upheld', 'changed')),
    CONSTRAINT appeals_answer_check CHECK (
        (reply IS NULL) = (status = 'open') AND (answered_by IS NULL) = (status = 'open')
        AND (answered_at IS NULL) = (status = 'open'))
);
CREATE INDEX appeals_oldest_idx ON appeals (status, created_at, id);

ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_action_check,
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_action_check
        CHECK (action IN ('create', 'update', 'delete', 'retry', 'override', 'rescore', 'restore', 'rotate', 'revoke',
                          'confirm', 'reserve', 'release', 'submit', 'erase', 'export', 'answer')),
    ADD CONSTRAINT audit_log_entity_check
        CHECK (entity IN ('track', 'question', 'credential', 'job', 'delivery', 'score', 'assessment', 'api_key',
                          'feedback', 'webhook', 'person', 'appeal'));
