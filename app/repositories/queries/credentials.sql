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
SELECT count(*) FROM passage_vectors WHERE model IS DISTINCT FROM $1;

-- name: count_without_vector
SELECT count(*) FROM passage_vectors WHERE model IS NULL;

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
    RETURNING credential_id, version, title, level, skills
)
INSERT INTO passages (credential_id, version, level, ordinal, starts_at, ends_at, text, search)
SELECT version.credential_id, version.version, version.level, p.ordinal, p.start, p."end", p.text,
       setweight(to_tsvector('english', version.title || ' ' || array_to_string(version.skills, ' ')), 'A')
       || setweight(to_tsvector('english', p.text), 'B')
FROM version, jsonb_to_recordset($9) AS p(ordinal int, start int, "end" int, text text);

-- name: add_vectors
-- A row for each passage of a first version, which waits for its vector.
INSERT INTO passage_vectors (passage_id, credential_id, ordinal, level)
SELECT id, credential_id, ordinal, level FROM passages WHERE credential_id = $1 AND version = $2;

-- name: replace_vectors
-- The rows of a version in place of those of the version before it. A vector goes on to a passage of which the same is
-- embedded: title, skills and its own text. What a worker embeds right now is not waited for; the worker removes it.
WITH former AS (
    SELECT passage_id, model, embedding FROM passage_vectors WHERE credential_id = $1 FOR UPDATE SKIP LOCKED
), removed AS (
    DELETE FROM passage_vectors USING former WHERE passage_vectors.passage_id = former.passage_id
), known AS (
    SELECT DISTINCT ON (v.title, v.skills, p.text) v.title, v.skills, p.text, former.model, former.embedding
    FROM former
    JOIN passages p ON p.id = former.passage_id
    JOIN credential_versions v ON v.credential_id = p.credential_id AND v.version = p.version
    ORDER BY v.title, v.skills, p.text, former.embedding IS NULL
)
INSERT INTO passage_vectors (passage_id, credential_id, ordinal, level, model, embedding)
SELECT p.id, p.credential_id, p.ordinal, p.level, known.model, known.embedding
FROM passages p
JOIN credential_versions v ON v.credential_id = p.credential_id AND v.version = p.version
LEFT JOIN known ON known.title = v.title AND known.skills = v.skills AND known.text = p.text
WHERE p.credential_id = $1 AND p.version = $2;

-- name: set_aside
-- Passages of versions before this one are not searched any more.
UPDATE passages SET present = false WHERE credential_id = $1 AND version < $2 AND present;

-- name: delete_credential
-- Its versions and passages stay, since results quote them, but are not searched any more.
WITH deleted AS (
    UPDATE credentials SET deleted_at = now() WHERE id = $1 AND deleted_at IS NULL RETURNING id
), set_aside AS (
    UPDATE passages SET present = false FROM deleted WHERE passages.credential_id = deleted.id AND present
), former AS (
    -- What a worker embeds right now is not waited for; the worker removes it.
    SELECT v.passage_id FROM passage_vectors v JOIN deleted ON deleted.id = v.credential_id FOR UPDATE OF v SKIP LOCKED
), removed AS (
    DELETE FROM passage_vectors USING former WHERE passage_vectors.passage_id = former.passage_id
)
SELECT id FROM deleted;

-- name: take_unembedded
-- Passages of present versions without a vector of this model, held while they are worked on, so that several
-- workers share the load. In three looks, each along the index: "another model than this" would read all of them.
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

-- name: store_embeddings
UPDATE passage_vectors SET embedding = e.embedding::vector, model = $1
FROM unnest($2::uuid[], $3::text[]) AS e(id, embedding)
WHERE passage_id = e.id;

-- name: remove_old_vectors
-- Of these passages ($1; NULL: of all) those of versions that were replaced or deleted while they were embedded.
DELETE FROM passage_vectors v USING passages p
WHERE p.id = v.passage_id AND NOT p.present AND ($1::uuid[] IS NULL OR v.passage_id = ANY($1));

-- name: wait_without_limit
SET statement_timeout = 0;

-- name: tidy
-- After many changes at once; else plans are made for what was there before, until autovacuum comes by.
VACUUM (ANALYZE) credentials, credential_versions, passages, passage_vectors;

-- name: search_by_text
-- Passages that share words with parts of the query, each with its weight, in credentials whose level suits; best
-- first. $1 to $3: each word or phrase, the number of its part, and the part's weight, which its words share. In two
-- steps, since a large catalogue has some of the words nearly everywhere: a few words say which passages come into
-- question, and only those are held against all the words. Where that leaves few, every word brings in its passages.
WITH told AS (
    SELECT DISTINCT ON (word.part, query) query, word.part, word.weight
    FROM unnest($1::text[], $2::int[], $3::float8[]) AS word(text, part, weight)
    CROSS JOIN websearch_to_tsquery('english', word.text) AS query
    WHERE numnode(query) > 0
), shared AS (
    SELECT query, weight / count(*) OVER (PARTITION BY part) AS weight, count(*) OVER (PARTITION BY part) AS words
    FROM told
), word AS (
    SELECT query, sum(weight) AS weight, bool_or(words = 1) AS alone FROM shared GROUP BY query
), sample AS MATERIALIZED (
    SELECT search FROM passages WHERE present ORDER BY id LIMIT 200
), seen AS (
    SELECT query, weight, alone, (SELECT count(*) FROM sample WHERE search @@ query) AS times FROM word
), telling AS MATERIALIZED (
    -- One word of many that nearly half of the catalogue has tells nothing apart. Of the others those lead that are
    -- rare, which costs little, and two that count most.
    SELECT query, weight,
           times = 0 OR row_number() OVER (PARTITION BY times = 0 ORDER BY round(weight * 1e9) DESC, query::text) <= 2
               AS leading
    FROM seen WHERE alone OR times <= (SELECT 0.4 * count(*) FROM sample)
), led AS MATERIALIZED (
    SELECT near.id, sum(telling.weight * near.rank) * ($5::float8[])[array_position($4::text[], near.level)] AS score
    FROM telling CROSS JOIN LATERAL (
        SELECT id, level::text, ts_rank(search, telling.query) AS rank
        FROM passages WHERE present AND search @@ telling.query
        -- Keeps the planner from reading the passages first, and asking each for all the words.
        OFFSET 0
    ) AS near
    WHERE telling.leading
    GROUP BY near.id, near.level
), found AS MATERIALIZED (
    (SELECT id FROM led ORDER BY round(score * 1e9) DESC, id LIMIT 400)
    UNION
    SELECT near.id FROM telling CROSS JOIN LATERAL (
        SELECT id FROM passages WHERE present AND search @@ telling.query OFFSET 0
    ) AS near
    WHERE NOT telling.leading AND (SELECT count(*) FROM led) < 400
), scored AS (
    SELECT p.id, p.credential_id, p.ordinal, p.level, sum(telling.weight * ts_rank(p.search, telling.query)) AS shared
    FROM (
        -- One by one: a join may read all passages for these few.
        SELECT id, credential_id, ordinal, level, search FROM passages WHERE id = ANY(ARRAY(SELECT id FROM found))
        OFFSET 0
    ) AS p
    JOIN telling ON p.search @@ telling.query
    GROUP BY p.id, p.credential_id, p.ordinal, p.level
), best AS MATERIALIZED (
    -- Rounded, since sums of fractions depend on the order in which rows come.
    SELECT id, round(shared * ($5::float8[])[array_position($4::text[], level::text)] * 1e9) AS score
    FROM scored WHERE level = ANY($4)
    ORDER BY score DESC, credential_id, ordinal LIMIT $6
)
SELECT p.id AS passage_id, p.credential_id, p.version AS credential_version, v.title, v.provider, v.url, v.level,
       v.skills, p.starts_at AS start, p.ends_at AS "end", p.text, NULL::float8 AS similarity
FROM best
JOIN passages p ON p.id = best.id
JOIN credential_versions v ON v.credential_id = p.credential_id AND v.version = p.version
ORDER BY best.score DESC, p.credential_id, p.ordinal;

-- name: search_by_vector
-- Passages nearest to the query in meaning, nearer by as much as the credential's level suits; only vectors of the
-- query's own model are compared, whatever else its name says about how the text was put together. In a sub-select,
-- the query's vector is read once; else a plan for any value would read it anew for each row.
WITH best AS MATERIALIZED (
    -- The distance is reckoned once for each row, for the order, and again for the few that are left.
    SELECT passage_id, embedding <=> (SELECT $1::text::vector) AS distance,
           CASE level WHEN ($3::text[])[1] THEN ($4::float8[])[1] WHEN ($3::text[])[2] THEN ($4::float8[])[2]
           WHEN ($3::text[])[3] THEN ($4::float8[])[3] END AS nearer
    FROM passage_vectors
    -- Nearly all are of the very space, and equality is quicker to tell.
    WHERE model = $2 OR model LIKE (SELECT replace(replace(split_part($2, ' (', 1), '%', '\%'), '_', '\_') || ' (%')
    ORDER BY (embedding <=> (SELECT $1::text::vector))
             - CASE level WHEN ($3::text[])[1] THEN ($4::float8[])[1] WHEN ($3::text[])[2] THEN ($4::float8[])[2]
               WHEN ($3::text[])[3] THEN ($4::float8[])[3] END, credential_id, ordinal
    LIMIT $5
)
SELECT p.id AS passage_id, p.credential_id, p.version AS credential_version, v.title, v.provider, v.url, v.level,
       v.skills, p.starts_at AS start, p.ends_at AS "end", p.text, 1 - best.distance AS similarity
FROM best
JOIN passages p ON p.id = best.passage_id AND p.present
JOIN credential_versions v ON v.credential_id = p.credential_id AND v.version = p.version
ORDER BY best.distance - best.nearer, p.credential_id, p.ordinal;

-- name: search_by_vector_index
-- The same by the index over all vectors, which finds the nearest of each level nearly always; the join is exact then,
-- since the best of all are among the best of their levels.
WITH near AS MATERIALIZED (
    SELECT one.passage_id, one.credential_id, one.ordinal, one.distance, fit.nearer
    FROM unnest($3::text[], $4::float8[]) AS fit(level, nearer)
    CROSS JOIN LATERAL (
        SELECT passage_id, credential_id, ordinal, embedding <=> (SELECT $1::text::vector) AS distance
        FROM passage_vectors
        WHERE level = fit.level AND starts_with(model, (SELECT split_part($2, ' (', 1) || ' ('))
        -- More than are wanted: among equals the index knows no order.
        ORDER BY embedding <=> (SELECT $1::text::vector) LIMIT 2 * $5
    ) AS one
), best AS MATERIALIZED (
    SELECT passage_id, distance, nearer FROM near ORDER BY distance - nearer, credential_id, ordinal LIMIT $5
)
SELECT p.id AS passage_id, p.credential_id, p.version AS credential_version, v.title, v.provider, v.url, v.level,
       v.skills, p.starts_at AS start, p.ends_at AS "end", p.text, 1 - best.distance AS similarity
FROM best
JOIN passages p ON p.id = best.passage_id AND p.present
JOIN credential_versions v ON v.credential_id = p.credential_id AND v.version = p.version
ORDER BY best.distance - best.nearer, p.credential_id, p.ordinal;

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
