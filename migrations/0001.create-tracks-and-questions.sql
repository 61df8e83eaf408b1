-- Tracks, their questions, and the audit log.

CREATE TABLE tracks (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    slug         varchar(64) NOT NULL,
    name         varchar(300) NOT NULL,
    description  text NOT NULL DEFAULT '',
    skills       text[] NOT NULL DEFAULT '{}',
    question_mix jsonb NOT NULL,
    sample       boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    deleted_at   timestamptz
);
-- A deleted track's slug may be used again; its assessments keep referring to the old row.
CREATE UNIQUE INDEX tracks_slug_key ON tracks (slug) WHERE deleted_at IS NULL;

CREATE TABLE questions (
    id              uuid PRIMARY KEY,
    track_id        uuid NOT NULL REFERENCES tracks,
    type            varchar(20) NOT NULL,
    current_version integer NOT NULL DEFAULT 1 CHECK (current_version > 0),
    sample          boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT now(),
    deleted_at      timestamptz,
    CONSTRAINT questions_type_check CHECK (type IN ('theoretical', 'profile', 'essay'))
);
CREATE INDEX questions_active_idx ON questions (track_id, type) WHERE deleted_at IS NULL;

-- `body` is the whole question, with answer keys, model answer and rubric.
CREATE TABLE question_versions (
    question_id uuid NOT NULL REFERENCES questions,
    version     integer NOT NULL CHECK (version > 0),
    body        jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (question_id, version)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is never changed in place', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

-- Assessments refer to versions instead of copying them, so a version must never change.
CREATE TRIGGER question_versions_never_change BEFORE UPDATE OR DELETE ON question_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE audit_log (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor   text NOT NULL,
    action  varchar(20) NOT NULL,
    entity  varchar(20) NOT NULL,
    key     text NOT NULL,
    after   jsonb,
    at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audit_log_action_check CHECK (action IN ('create', 'update', 'delete')),
    CONSTRAINT audit_log_entity_check CHECK (entity IN ('track', 'question', 'credential'))
);
CREATE INDEX audit_log_entity_idx ON audit_log (entity, key, id);
