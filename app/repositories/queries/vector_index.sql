-- The index over all vectors, for catalogues of which not every vector can be compared each time.

-- name: found
-- About how many passages are searched, as of the last ANALYZE, and whether their index can be used: NULL where there
-- is none. What is being built, or was left half built, cannot.
SELECT t.reltuples AS passages, i.indisvalid AND i.indisready AS usable
FROM pg_class t
LEFT JOIN (pg_index i JOIN pg_class c ON c.oid = i.indexrelid AND c.relname = 'passage_vectors_embedding_idx')
    ON i.indrelid = t.oid
WHERE t.oid = 'passage_vectors'::regclass;

-- name: use
-- For this transaction: by the index, whatever the planner thinks of it, and so many places looked at. pgvector before
-- 0.8 stops there, and refuses the setting that makes later ones go on until enough are found.
SELECT set_config(name, value, true)
FROM (VALUES ('enable_seqscan', 'off'), ('hnsw.ef_search', $1::text), ('hnsw.iterative_scan', 'strict_order'))
    AS setting(name, value)
WHERE name <> 'hnsw.iterative_scan'
    OR (SELECT string_to_array(extversion, '.')::int[] >= '{0,8}' FROM pg_extension WHERE extname = 'vector');

-- name: claim
-- Whether nobody else builds it; held by this connection until it lets go. The number is anyone's.
SELECT pg_try_advisory_lock(5514087012936602357);

-- name: release
SELECT pg_advisory_unlock(5514087012936602357);

-- name: drop
DROP INDEX CONCURRENTLY IF EXISTS passage_vectors_embedding_idx;

-- name: build
-- Searching and writing go on meanwhile.
CREATE INDEX CONCURRENTLY passage_vectors_embedding_idx ON passage_vectors USING hnsw (embedding vector_cosine_ops);

-- name: take_memory
-- The index is built in it as a whole, as far as it fits: many times faster.
SET maintenance_work_mem = '256MB';
