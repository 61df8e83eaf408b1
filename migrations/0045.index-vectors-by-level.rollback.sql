DROP INDEX IF EXISTS passage_vectors_beginner_idx, passage_vectors_intermediate_idx, passage_vectors_advanced_idx,
    passage_vectors_any_idx;
CREATE INDEX passage_vectors_any_level_idx ON passage_vectors (passage_id) WHERE level = 'any';
