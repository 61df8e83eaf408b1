-- name: find_credential
-- One version of a credential: the present one of an active credential, or any named one, deleted or not.
SELECT c.id AS credential_id, v.version, v.title, v.provider, v.url, v.level, v.skills, v.description, c.sample
FROM credentials c
JOIN credential_versions v ON v.credential_id = c.id AND v.version = coalesce($2::int, c.current_version)
WHERE c.id = $1 AND (c.deleted_at IS NULL OR $2::int IS NOT NULL);

-- name: list_credentials
-- A page of active credentials in their present version, by id.
SELECT c.id AS credential_id, v.version, v.title, v.provider, v.url, v.level, v.skills, v.description, c.sample
FROM credentials c
JOIN credential_versions v ON v.credential_id = c.id AND v.version = c.current_version
WHERE c.deleted_at IS NULL AND ($1::uuid IS NULL OR c.id > $1)
ORDER BY c.id LIMIT $2;

-- name: find_by_names
-- Active credentials in their present version by provider and title; where several have the same, the first by id.
SELECT DISTINCT ON (v.provider, v.title)
       c.id AS credential_id, v.version, v.title, v.provider, v.url, v.level, v.skills, v.description, c.sample
FROM unnest($1::text[], $2::text[]) AS named(provider, title)
JOIN credential_versions v ON v.provider = named.provider AND v.title = named.title
JOIN credentials c ON c.id = v.credential_id AND c.current_version = v.version AND c.deleted_at IS NULL
ORDER BY v.provider, v.title, c.id;

-- name: count_unembedded
SELECT count(*) FROM passages p
JOIN credentials c ON c.id = p.credential_id AND c.current_version = p.version AND c.deleted_at IS NULL
WHERE p.embedding_model IS DISTINCT FROM $1;

-- name: lock_credential
SELECT id FROM credentials WHERE id = $1 AND deleted_at IS NULL FOR UPDATE;

-- name: create_credential
-- A new credential without a text; no row where the id exists already.
INSERT INTO credentials (id, current_version, sample) VALUES ($1, 1, $2)
ON CONFLICT (id) DO NOTHING
RETURNING current_version AS version;

-- name: raise_credential
UPDATE credentials SET current_version = current_version + 1
WHERE id = $1 AND deleted_at IS NULL
RETURNING current_version AS version;

-- name: add_credential_version
-- A version's text with its passages; title and skills weigh more than the passage's own words.
WITH version AS (
    INSERT INTO credential_versions (credential_id, version, title, provider, url, level, skills, description)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    RETURNING credential_id, version, title, skills
)
INSERT INTO passages (credential_id, version, ordinal, starts_at, ends_at, text, search)
SELECT version.credential_id, version.version, p.ordinal, p.start, p."end", p.text,
       setweight(to_tsvector('english', version.title || ' ' || array_to_string(version.skills, ' ')), 'A')
       || setweight(to_tsvector('english', p.text), 'B')
FROM version, jsonb_to_recordset($9) AS p(ordinal int, start int, "end" int, text text);

-- name: delete_credential
UPDATE credentials SET deleted_at = now() WHERE id = $1 AND deleted_at IS NULL;

-- name: take_unembedded
-- Passages of present versions without a vector of this model, held while they are worked on, so that several
-- workers share the load.
SELECT p.id, v.title, v.skills, p.text
FROM passages p
JOIN credentials c ON c.id = p.credential_id AND c.current_version = p.version AND c.deleted_at IS NULL
JOIN credential_versions v ON v.credential_id = p.credential_id AND v.version = p.version
WHERE p.embedding_model IS DISTINCT FROM $1
ORDER BY p.id LIMIT $2
FOR UPDATE OF p SKIP LOCKED;

-- name: store_embeddings
UPDATE passages SET embedding = e.embedding::vector, embedding_model = $1
FROM unnest($2::uuid[], $3::text[]) AS e(id, embedding)
WHERE passages.id = e.id;

-- name: search_by_text
-- Passages that share words with parts of the query, each with its weight, in credentials whose level suits; best
-- first. Rounded, since sums of fractions depend on the order in which rows come.
SELECT p.id AS passage_id, p.credential_id, p.version AS credential_version, v.title, v.provider, v.url, v.level,
       v.skills, p.starts_at AS start, p.ends_at AS "end", p.text, NULL::float8 AS similarity
FROM (
    SELECT passages.id, sum(part.weight * ts_rank(passages.search, query)) AS shared
    FROM unnest($1::text[], $2::float8[]) AS part(words, weight)
    CROSS JOIN websearch_to_tsquery('english', part.words) AS query
    JOIN passages ON passages.search @@ query
    GROUP BY passages.id
) AS found
JOIN passages p ON p.id = found.id
JOIN credentials c ON c.id = p.credential_id AND c.current_version = p.version AND c.deleted_at IS NULL
JOIN credential_versions v ON v.credential_id = p.credential_id AND v.version = p.version
JOIN unnest($3::text[], $4::float8[]) AS fit(level, share) ON fit.level = v.level
ORDER BY round((found.shared * fit.share)::numeric, 9) DESC, p.credential_id, p.ordinal LIMIT $5;

-- name: search_by_vector
-- Passages nearest to the query in meaning, nearer by as much as the credential's level suits; only vectors of the
-- query's own model are compared, whatever else its name says about how the text was put together.
SELECT p.id AS passage_id, p.credential_id, p.version AS credential_version, v.title, v.provider, v.url, v.level,
       v.skills, p.starts_at AS start, p.ends_at AS "end", p.text, 1 - (p.embedding <=> $1::text::vector) AS similarity
FROM passages p
JOIN credentials c ON c.id = p.credential_id AND c.current_version = p.version AND c.deleted_at IS NULL
JOIN credential_versions v ON v.credential_id = p.credential_id AND v.version = p.version
JOIN unnest($3::text[], $4::float8[]) AS fit(level, nearer) ON fit.level = v.level
WHERE split_part(p.embedding_model, ' (', 1) = $2
ORDER BY (p.embedding <=> $1::text::vector) - fit.nearer, p.credential_id, p.ordinal LIMIT $5;

-- name: standing_list
-- What suits a track whatever the student answered: the credentials that share most of its skills.
SELECT p.id AS passage_id, p.credential_id, p.version AS credential_version, v.title, v.provider, v.url, v.level,
       v.skills, p.starts_at AS start, p.ends_at AS "end", p.text, NULL::float8 AS similarity
FROM passages p
JOIN credentials c ON c.id = p.credential_id AND c.current_version = p.version AND c.deleted_at IS NULL
JOIN credential_versions v ON v.credential_id = p.credential_id AND v.version = p.version
WHERE p.ordinal = 0 AND v.skills && $1::text[]
ORDER BY cardinality(ARRAY(SELECT unnest(v.skills) INTERSECT SELECT unnest($1::text[]))) DESC, p.credential_id
LIMIT $2;
