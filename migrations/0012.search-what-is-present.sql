-- Searching reads what is in the catalogue now and nothing else: old versions and deleted credentials stay, since
-- results quote them, but out of the indexes; and vectors lie together in a narrow table, where ten thousand of them
-- are compared in some milliseconds. Beside the passages each would be fetched from the TOAST table by itself.

ALTER TABLE passages
    -- Of the credential's present version; kept by the statements that raise versions and delete.
    ADD COLUMN present boolean NOT NULL DEFAULT true,
    -- That of the version, which never changes.
    ADD COLUMN level varchar(20);

UPDATE passages p
SET present = c.current_version = p.version AND c.deleted_at IS NULL, level = v.level
FROM credentials c JOIN credential_versions v ON v.credential_id = c.id
WHERE c.id = p.credential_id AND v.version = p.version;

ALTER TABLE passages ALTER COLUMN level SET NOT NULL;

-- A row for each present passage: its vector, or that it waits for one. `model` names the vector's model and how the
-- text was put together; only vectors of one model are compared.
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
-- What waits, and what is of another model, without reading the rest.
CREATE INDEX passage_vectors_model_idx ON passage_vectors (model, passage_id);

DROP INDEX passages_search_idx, passages_unembedded_idx;
ALTER TABLE passages DROP COLUMN embedding, DROP COLUMN embedding_model;
-- Without the list of what is still to be put in: after an import each search would read it from end to end.
CREATE INDEX passages_search_idx ON passages USING gin (search) WITH (fastupdate = off) WHERE present;

-- An import knows a credential by these.
CREATE INDEX credential_versions_name_idx ON credential_versions (provider, title);
