-- Vectors are indexed by level: a search wants the nearest of each level, and in one index over all of them it passed over
-- those of the other levels. `assay credentials import` and `reindex` build the new indexes; until then a search compares
-- each vector.
DROP INDEX IF EXISTS passage_vectors_embedding_idx;
-- Whether a credential is for any level no longer matters: an index without entries is searched at no cost.
DROP INDEX passage_vectors_any_level_idx;
