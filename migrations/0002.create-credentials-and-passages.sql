-- Credentials to recommend, and the passages that recommendations quote.

DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'vector') THEN
        RAISE EXCEPTION 'this PostgreSQL has no "vector" extension available: install pgvector for it, then migrate again';
    END IF;
END $$;

CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE credentials (
    id              uuid PRIMARY KEY,
    current_version integer NOT NULL DEFAULT 1 CHECK (current_version > 0),
    sample          boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT now(),
    deleted_at      timestamptz
);

CREATE TABLE credential_versions (
    credential_id uuid NOT NULL REFERENCES credentials,
    version       integer NOT NULL CHECK (version > 0),
    title         varchar(300) NOT NULL,
    provider      varchar(300) NOT NULL,
    url           text NOT NULL,
    level         varchar(20) NOT NULL,
    skills        text[] NOT NULL DEFAULT '{}',
    description   text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (credential_id, version),
    CONSTRAINT credential_versions_level_check CHECK (level IN ('beginner', 'intermediate', 'advanced'))
);

-- Results keep referring to the versions that they quote.
CREATE TRIGGER credential_versions_never_change BEFORE UPDATE OR DELETE ON credential_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A passage is cut out of its version's description: substr(description, starts_at + 1, ends_at - starts_at) = text.
-- Offsets count code points. A worker with the embedding runtime adds the vector; `embedding_model` names its model,
-- and only vectors of one model can be compared.
CREATE TABLE passages (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    credential_id   uuid NOT NULL,
    version         integer NOT NULL,
    ordinal         integer NOT NULL CHECK (ordinal >= 0),
    starts_at       integer NOT NULL CHECK (starts_at >= 0),
    ends_at         integer NOT NULL CHECK (ends_at > starts_at),
    text            text NOT NULL,
    search          tsvector NOT NULL,
    embedding       vector(384),
    embedding_model text,
    UNIQUE (credential_id, version, ordinal),
    FOREIGN KEY (credential_id, version) REFERENCES credential_versions,
    CONSTRAINT passages_length_check CHECK (char_length(text) = ends_at - starts_at),
    CONSTRAINT passages_embedding_check CHECK ((embedding IS NULL) = (embedding_model IS NULL))
);
CREATE INDEX passages_search_idx ON passages USING gin (search);
CREATE INDEX passages_unembedded_idx ON passages (id) WHERE embedding IS NULL;
