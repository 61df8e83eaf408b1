DROP INDEX credential_versions_name_idx;
DROP INDEX passages_search_idx;

ALTER TABLE passages
    ADD COLUMN embedding vector(384),
    ADD COLUMN embedding_model text,
    ADD CONSTRAINT passages_embedding_check CHECK ((embedding IS NULL) = (embedding_model IS NULL));
UPDATE passages SET embedding = v.embedding, embedding_model = v.model
FROM passage_vectors v WHERE v.passage_id = passages.id;

DROP TABLE passage_vectors;
ALTER TABLE passages DROP COLUMN present, DROP COLUMN level;
CREATE INDEX passages_search_idx ON passages USING gin (search);
CREATE INDEX passages_unembedded_idx ON passages (id) WHERE embedding IS NULL;
