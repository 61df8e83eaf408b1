-- Searches read only current versions of active credentials. The others stay, since results quote them, but not in the
-- indexes. Vectors get a narrow table of their own, where ten thousand of them are compared in a few milliseconds; next
-- to the passages each would be fetched from the TOAST table.

ALTER TABLE passages
    -- Of the current version of an active credential; kept up to date by the statements that add versions and delete.
    ADD COLUMN present boolean NOT NULL DEFAULT true,
    -- The level of the version, which never changes.
    ADD COLUMN level varchar(20);

UPDATE passages p
SET present = c.current_version = p.version AND c.deleted_at IS NULL, level = v.level
FROM credentials c JOIN credential_versions v ON v.credential_id = c.id
WHERE c.id = p.credential_id AND v.version = p.version;

ALTER TABLE passages ALTER COLUMN level SET NOT NULL;

-- A row for each present passage, with its vector or without one yet. `model` names the vector's model and how the text
-- was put together; only vectors of one model can be compared.
CREATE TABLE passage_vectors (
    passage_id    uuid PRIMARY KEY REFERENCES passages,
    credential_id uuid NOT NULL,
    ordinal       integer NOT NULL,
    level         varchar(20) NOT NULL,
    model         text,
    embedding     vector(384),
    CONSTRAINT passage_vectors_embedding_check CHECK ((embedding IS NULL) = (model IS NULL))
);
ALTER TABLE passage_vectors ALTER COLUMN embedding SET STORAGE PLAIN;

INSERT INTO passage_vectors (passage_id, credential_id, ordinal, level, model, embedding)
SELECT id, credential_id, ordinal, level, embedding_model, embedding FROM passages WHERE present;

CREATE INDEX passage_vectors_credential_idx ON passage_vectors (credential_id);
-- Finds passages without a vector, or with one of another model.
CREATE INDEX passage_vectors_model_idx ON passage_vectors (model, passage_id);

DROP INDEX passages_search_idx, passages_unembedded_idx;
ALTER TABLE passages DROP COLUMN embedding, DROP COLUMN embedding_model;
-- Without `fastupdate`, because after an import each search would read the whole list of pending entries.
CREATE INDEX passages_search_idx ON passages USING gin (search) WITH (fastupdate = off) WHERE present;

-- An import finds existing credentials by these.
CREATE INDEX credential_versions_name_idx ON credential_versions (provider, title);
