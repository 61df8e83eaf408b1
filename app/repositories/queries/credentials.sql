-- name: find_credential
-- The current version of an active credential; or, with $2, that version, deleted or not.
SELECT c.id AS credential_id, v.version, v.title, v.provider, v.url, v.level, v.skills, v.description, v.language,
       c.external_id, c.sample
FROM credentials c
JOIN credential_versions v ON v.credential_id = c.id AND v.version = coalesce($2::int, c.current_version)
WHERE c.id = $1 AND (c.deleted_at IS NULL OR $2::int IS NOT NULL);

-- name: descriptions
-- The texts that quotes of these versions of credentials are from: the descriptions, or else the titles.
SELECT v.credential_id, v.version, coalesce(nullif(v.description, ''), v.title) AS description
FROM unnest($1::uuid[], $2::int[]) AS named(credential_id, version)
JOIN credential_versions v USING (credential_id, version);

-- name: list_credentials
-- A page of active credentials in their current version, by id; with $3 only that with this external id.
SELECT c.id AS credential_id, v.version, v.title, v.provider, v.url, v.level, v.skills, v.description, v.language,
       c.external_id, c.sample
FROM credentials c
JOIN credential_versions v ON v.credential_id = c.id AND v.version = c.current_version
WHERE c.deleted_at IS NULL AND ($1::uuid IS NULL OR c.id > $1) AND ($3::text IS NULL OR c.external_id = $3)
ORDER BY c.id LIMIT $2;

-- name: search_credentials
-- A page of active credentials in their current version that have $1 in title, provider or skills, whatever the case,
-- by id; with $4, only those that have none of these skills.
SELECT c.id AS credential_id, v.version, v.title, v.provider, v.url, v.level, v.skills, v.description, v.language,
       c.external_id, c.sample
FROM credentials c
JOIN credential_versions v ON v.credential_id = c.id AND v.version = c.current_version
WHERE c.deleted_at IS NULL AND ($2::uuid IS NULL OR c.id > $2)
  AND strpos(lower(concat_ws(E'\n', v.title, v.provider, array_to_string(v.skills, E'\n'))), lower($1::text)) > 0
  AND ($4::text[] IS NULL OR NOT v.skills && $4)
ORDER BY c.id LIMIT $3;

-- name: known_skills
-- The skills of active tracks and of their active questions.
SELECT DISTINCT unnest(t.skills) AS skill FROM tracks t WHERE t.deleted_at IS NULL
UNION
SELECT jsonb_array_elements_text(v.body -> 'skills')
FROM questions q
JOIN tracks t ON t.id = q.track_id AND t.deleted_at IS NULL
JOIN question_versions v ON v.question_id = q.id AND v.version = q.current_version
WHERE q.deleted_at IS NULL;

-- name: present_skills
-- The skills of active credentials, as each writes them.
SELECT DISTINCT unnest(v.skills) AS skill
FROM credentials c
JOIN credential_versions v ON v.credential_id = c.id AND v.version = c.current_version
WHERE c.deleted_at IS NULL;

-- name: find_by_names
-- Active credentials in their current version by provider and title; where several have the same, the first by id,
-- one without an external id before the others.
SELECT DISTINCT ON (v.provider, v.title)
       c.id AS credential_id, v.version, v.title, v.provider, v.url, v.level, v.skills, v.description, v.language,
       c.external_id, c.sample
FROM unnest($1::text[], $2::text[]) AS named(provider, title)
JOIN credential_versions v ON v.provider = named.provider AND v.title = named.title
JOIN credentials c ON c.id = v.credential_id AND c.current_version = v.version AND c.deleted_at IS NULL
ORDER BY v.provider, v.title, c.external_id IS NOT NULL, c.id;

-- name: find_by_external_ids
-- Active credentials in their current version that have one of these external ids.
SELECT c.id AS credential_id, v.version, v.title, v.provider, v.url, v.level, v.skills, v.description, v.language,
       c.external_id, c.sample
FROM credentials c
JOIN credential_versions v ON v.credential_id = c.id AND v.version = c.current_version
WHERE c.deleted_at IS NULL AND c.external_id = ANY($1::text[]);

-- name: lock_catalog
-- Seeding and imports run one after the other; the next one finds what the one before has stored. The number is
-- arbitrary.
SELECT pg_advisory_xact_lock(6181242103517482265);

-- name: lock_credential
SELECT id FROM credentials WHERE id = $1 AND deleted_at IS NULL FOR UPDATE;

-- name: create_credential
-- The credential without its version; no row if the id exists.
INSERT INTO credentials (id, current_version, sample, external_id) VALUES ($1, 1, $2, $3)
ON CONFLICT (id) DO NOTHING
RETURNING current_version AS version;

-- name: raise_version
UPDATE credentials SET current_version = current_version + 1, external_id = $2
WHERE id = $1 AND deleted_at IS NULL
RETURNING current_version AS version;

-- name: add_credential_version
-- A version with its passages. For full text, title and skills (A) weigh more than the passage's own words (B).
WITH version AS (
    INSERT INTO credential_versions (credential_id, version, title, provider, url, level, skills, description, language)
    VALUES ($1, $2, $4, $5, $6, $7, $8, $9, $10)
    RETURNING credential_id, version, title, level, skills
)
INSERT INTO passages (credential_id, version, level, ordinal, starts_at, ends_at, text, search)
SELECT version.credential_id, version.version, version.level, p.ordinal, p.start, p."end", p.text,
       setweight(to_tsvector('english', version.title || ' ' || array_to_string(version.skills, ' ')), 'A')
       || setweight(to_tsvector('english', p.text), 'B')
FROM version, jsonb_to_recordset($3) AS p(ordinal int, start int, "end" int, text text);

-- name: add_vector_rows
-- A row without a vector for each passage of a first version.
INSERT INTO passage_vectors (passage_id, credential_id, ordinal, level)
SELECT id, credential_id, ordinal, level FROM passages WHERE credential_id = $1 AND version = $2;

-- name: replace_vector_rows
-- Replaces the rows of the version before by those of this version. A passage with the same title, skills and text
-- keeps its vector. Rows that a worker is embedding at this moment are skipped; the worker deletes them
-- (`delete_outdated` in passage_vectors.sql).
WITH former AS (
    SELECT passage_id, model, embedding FROM passage_vectors WHERE credential_id = $1 FOR UPDATE SKIP LOCKED
), removed AS (
    DELETE FROM passage_vectors USING former WHERE passage_vectors.passage_id = former.passage_id
), reusable AS (
    SELECT DISTINCT ON (v.title, v.skills, p.text) v.title, v.skills, p.text, former.model, former.embedding
    FROM former
    JOIN passages p ON p.id = former.passage_id
    JOIN credential_versions v ON v.credential_id = p.credential_id AND v.version = p.version
    ORDER BY v.title, v.skills, p.text, former.embedding IS NULL
)
INSERT INTO passage_vectors (passage_id, credential_id, ordinal, level, model, embedding)
SELECT p.id, p.credential_id, p.ordinal, p.level, reusable.model, reusable.embedding
FROM passages p
JOIN credential_versions v ON v.credential_id = p.credential_id AND v.version = p.version
LEFT JOIN reusable ON reusable.title = v.title AND reusable.skills = v.skills AND reusable.text = p.text
WHERE p.credential_id = $1 AND p.version = $2;

-- name: hide_older_versions
-- Passages of older versions are no longer searched.
UPDATE passages SET present = false WHERE credential_id = $1 AND version < $2 AND present;

-- name: delete_credential
-- Versions and passages stay, because results quote them, but are no longer searched.
WITH deleted AS (
    UPDATE credentials SET deleted_at = now() WHERE id = $1 AND deleted_at IS NULL RETURNING id
), hidden AS (
    UPDATE passages SET present = false FROM deleted WHERE passages.credential_id = deleted.id AND present
), former AS (
    -- Rows that a worker is embedding at this moment are skipped; the worker deletes them.
    SELECT v.passage_id FROM passage_vectors v JOIN deleted ON deleted.id = v.credential_id FOR UPDATE OF v SKIP LOCKED
), removed AS (
    DELETE FROM passage_vectors USING former WHERE passage_vectors.passage_id = former.passage_id
)
SELECT id FROM deleted;

-- name: lift_statement_timeout
SET statement_timeout = 0;

-- name: vacuum
-- After many changes at once, so that plans don't rest on old statistics until autovacuum runs.
VACUUM (ANALYZE) credentials, credential_versions, passages, passage_vectors;

-- For a catalog of the connection's own: a temporary table hides the real one of the same name, so that all statements
-- use it, and the real catalog is neither read nor changed.

-- name: create_temporary_credentials
CREATE TEMP TABLE credentials (LIKE credentials INCLUDING ALL);

-- name: create_temporary_credential_versions
CREATE TEMP TABLE credential_versions (LIKE credential_versions INCLUDING ALL);

-- name: create_temporary_passages
CREATE TEMP TABLE passages (LIKE passages INCLUDING ALL);

-- name: create_temporary_passage_vectors
CREATE TEMP TABLE passage_vectors (LIKE passage_vectors INCLUDING ALL);

