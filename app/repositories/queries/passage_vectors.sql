-- Vectors of passages. `passage_vectors` has a row for each searchable passage; `model` names the embedding space
-- ("model (how the text was put together)") and is NULL until the passage is embedded. Only vectors of one model can be
-- compared.

-- name: take_unembedded
-- Passages without a vector of this space, locked so that several workers share the load. Three subqueries, each of
-- which follows the index: `model IS DISTINCT FROM $1` would read all rows.
WITH waiting AS (
    SELECT passage_id FROM passage_vectors WHERE model IS NULL
    ORDER BY passage_id LIMIT $2 FOR UPDATE SKIP LOCKED
), lower AS (
    SELECT passage_id FROM passage_vectors WHERE model < $1
    ORDER BY model, passage_id LIMIT $2 - (SELECT count(*) FROM waiting) FOR UPDATE SKIP LOCKED
), higher AS (
    SELECT passage_id FROM passage_vectors WHERE model > $1
    ORDER BY model, passage_id LIMIT $2 - (SELECT count(*) FROM waiting) - (SELECT count(*) FROM lower)
    FOR UPDATE SKIP LOCKED
), taken AS (
    SELECT passage_id FROM waiting UNION ALL SELECT passage_id FROM lower UNION ALL SELECT passage_id FROM higher
)
SELECT p.id, v.title, v.skills, p.text
FROM taken
JOIN passages p ON p.id = taken.passage_id
JOIN credential_versions v ON v.credential_id = p.credential_id AND v.version = p.version
ORDER BY p.id;

-- name: store_vectors
UPDATE passage_vectors SET embedding = e.embedding::vector, model = $1
FROM unnest($2::uuid[], $3::text[]) AS e(id, embedding)
WHERE passage_id = e.id;

-- name: delete_outdated
-- Vectors of versions that were replaced or deleted, of these passages or (NULL) of all. The statements that replace a
-- version skip rows that a worker is embedding at that moment; the worker then deletes them with this one.
DELETE FROM passage_vectors v USING passages p
WHERE p.id = v.passage_id AND NOT p.present AND ($1::uuid[] IS NULL OR v.passage_id = ANY($1));

-- name: count_unembedded
SELECT count(*) FROM passage_vectors WHERE model IS DISTINCT FROM $1;

-- name: count_without_vector
SELECT count(*) FROM passage_vectors WHERE model IS NULL;

-- name: share_embedded
-- The share of passages with a vector of this space, or at least of its model. Nearly always all of them have one of
-- the space itself, apart from a few that have none yet. The index shows both ends and those; only otherwise all are
-- counted. (`EXISTS (… model < $1)` would read all rows in a plan for any $1: it is estimated to be true for a third
-- of them, and is true for none.)
SELECT CASE
    WHEN (SELECT min(model) FROM passage_vectors) IS NULL AND missing.count = 0 THEN 1
    WHEN (SELECT min(model) FROM passage_vectors) = $1 AND (SELECT max(model) FROM passage_vectors) = $1
     AND (missing.count = 0 OR missing.count < 1000 AND missing.count < 0.05 * passages.count)
    THEN 1 - missing.count / greatest(passages.count, 1)
    ELSE (SELECT coalesce(sum(c.count) FILTER (WHERE split_part(model, ' (', 1) = split_part($1, ' (', 1)), 0)::float8
                 / sum(c.count)::float8
          FROM (SELECT model, count(*) FROM passage_vectors GROUP BY model) AS c)
    END
FROM (SELECT count(*)::float8 AS count
      FROM (SELECT FROM passage_vectors WHERE model IS NULL LIMIT 1000) AS waiting) AS missing,
     -- As of the last ANALYZE.
     (SELECT reltuples::float8 AS count FROM pg_class WHERE oid = 'passage_vectors'::regclass) AS passages;

-- name: find_current_space
SELECT name, extract(epoch FROM now() - seen_at)::float8 AS idle_seconds FROM embedding_space;

-- name: set_current_space
INSERT INTO embedding_space (name) VALUES ($1)
ON CONFLICT (only_one) DO UPDATE SET name = excluded.name, seen_at = now();

-- name: renew_current_space
UPDATE embedding_space SET seen_at = now() WHERE name = $1;

-- name: inspect_indexes
-- The approximate number of passages, as of the last ANALYZE, and how many of the indexes $1 are complete. One that is
-- being built, or whose build was interrupted, is not.
SELECT t.reltuples AS passages, (
    SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = t.oid AND c.relname = ANY($1::text[]) AND i.indisvalid AND i.indisready
) AS complete
FROM pg_class t WHERE t.oid = 'passage_vectors'::regclass;

-- name: use_indexes
-- For this transaction: the indexes are used whatever the planner estimates, and $1 candidates are compared in each.
-- From 0.8 on pgvector continues until enough rows are found; older versions stop there and don't know the setting.
SELECT set_config(name, value, true)
FROM (VALUES ('enable_seqscan', 'off'), ('hnsw.ef_search', $1::text), ('hnsw.iterative_scan', 'strict_order'))
    AS setting(name, value)
WHERE name <> 'hnsw.iterative_scan'
    OR (SELECT string_to_array(extversion, '.')::int[] >= '{0,8}' FROM pg_extension WHERE extname = 'vector');

-- name: lock_index_build
-- Whether no other connection builds the index; held until `unlock_index_build`. The number is arbitrary.
SELECT pg_try_advisory_lock(5514087012936602357);

-- name: unlock_index_build
SELECT pg_advisory_unlock(5514087012936602357);

-- name: raise_build_memory
-- An index that fits into this memory is built many times faster.
SET maintenance_work_mem = '256MB';

-- name: drop_beginner_index
DROP INDEX CONCURRENTLY IF EXISTS passage_vectors_beginner_idx;

-- name: build_beginner_index
CREATE INDEX CONCURRENTLY passage_vectors_beginner_idx ON passage_vectors USING hnsw (embedding vector_cosine_ops)
WHERE level = 'beginner';

-- name: drop_intermediate_index
DROP INDEX CONCURRENTLY IF EXISTS passage_vectors_intermediate_idx;

-- name: build_intermediate_index
CREATE INDEX CONCURRENTLY passage_vectors_intermediate_idx ON passage_vectors USING hnsw (embedding vector_cosine_ops)
WHERE level = 'intermediate';

-- name: drop_advanced_index
DROP INDEX CONCURRENTLY IF EXISTS passage_vectors_advanced_idx;

-- name: build_advanced_index
CREATE INDEX CONCURRENTLY passage_vectors_advanced_idx ON passage_vectors USING hnsw (embedding vector_cosine_ops)
WHERE level = 'advanced';

-- name: drop_any_index
DROP INDEX CONCURRENTLY IF EXISTS passage_vectors_any_idx;

-- name: build_any_index
CREATE INDEX CONCURRENTLY passage_vectors_any_idx ON passage_vectors USING hnsw (embedding vector_cosine_ops)
WHERE level = 'any';
