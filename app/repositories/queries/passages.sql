-- Searches of passages. They read only what is searchable now: `passages.present` and the rows of `passage_vectors`.

-- name: search_full_text
-- Passages that share words with parts of the query, best first. $1 to $3: each word or phrase, the number of its part,
-- and the weight of the part, which its words share; $4 and $5: what the score is multiplied by for each level. In a
-- large catalogue some words match nearly everywhere, so this goes in two steps: a few leading words select the
-- passages, and only those are ranked by all words. Where the leading words select few, the others select as well.
WITH term AS (
    SELECT DISTINCT ON (word.part, query) query, word.part, word.weight
    FROM unnest($1::text[], $2::int[], $3::float8[]) AS word(text, part, weight)
    CROSS JOIN websearch_to_tsquery('english', word.text) AS query
    WHERE numnode(query) > 0
), shared AS (
    SELECT query, weight / count(*) OVER (PARTITION BY part) AS weight, count(*) OVER (PARTITION BY part) AS words
    FROM term
), word AS (
    SELECT query, sum(weight) AS weight, bool_or(words = 1) AS alone FROM shared GROUP BY query
), sample AS MATERIALIZED (
    SELECT search FROM passages WHERE present ORDER BY id LIMIT 200
), frequency AS MATERIALIZED (
    SELECT query, weight, alone, (SELECT count(*) FROM sample WHERE search @@ query) AS times FROM word
), useful AS MATERIALIZED (
    -- A word that 40 % of the catalogue contains does not discriminate, unless it is all that its part has. The leading
    -- words are the rare ones, which are cheap to look up, and the two with the most weight.
    SELECT query, weight, times = 0 OR row_number() OVER by_weight <= 2 AS leading,
           CASE WHEN times > 0 THEN coalesce(lag(query) OVER by_weight, lead(query) OVER by_weight) END AS other
    FROM frequency WHERE alone OR times <= (SELECT 0.4 * count(*) FROM sample)
    WINDOW by_weight AS (PARTITION BY times = 0 ORDER BY round(weight * 1e9) DESC, query::text)
), condition AS MATERIALIZED (
    -- What selects passages. Those that have both of the two words with the most weight are selected apart from those
    -- that have one: in a catalogue of a hundred thousand, where each is in too many, they are the best.
    SELECT query, weight, condition
    FROM useful CROSS JOIN LATERAL unnest(
        CASE WHEN other IS NULL THEN ARRAY[query] ELSE ARRAY[query && other, query && !!other] END
    ) AS condition
    WHERE useful.leading
), selected AS MATERIALIZED (
    SELECT near.id, near.level, sum(condition.weight * near.rank) AS shared
    FROM condition CROSS JOIN LATERAL (
        SELECT id, level::text, ts_rank(search, condition.query) AS rank
        FROM passages WHERE present AND search @@ condition.condition
        -- Bounds what a common word costs. And it keeps the planner from reading all passages first and testing each
        -- against every word, as OFFSET 0 does below.
        LIMIT 1500
    ) AS near
    GROUP BY near.id, near.level
), preferred AS MATERIALIZED (
    SELECT id, shared FROM selected
    ORDER BY round(shared * ($5::float8[])[array_position($4::text[], level)] * 1e9) DESC, id LIMIT 400
), found AS MATERIALIZED (
    SELECT id FROM preferred
    UNION
    SELECT near.id FROM useful CROSS JOIN LATERAL (
        SELECT id FROM passages WHERE present AND search @@ useful.query OFFSET 0
    ) AS near
    WHERE NOT useful.leading AND (SELECT count(*) FROM selected) < 400
), scored AS (
    -- What the leading words contribute is known; only the others are compared with each passage.
    SELECT p.id, p.credential_id, p.ordinal, p.level,
           coalesce(preferred.shared, 0) + coalesce(sum(useful.weight * ts_rank(p.search, useful.query)), 0) AS shared
    FROM (
        -- By their ids: a join might read all passages for these few.
        SELECT id, credential_id, ordinal, level, search FROM passages WHERE id = ANY(ARRAY(SELECT id FROM found))
        OFFSET 0
    ) AS p
    LEFT JOIN preferred ON preferred.id = p.id
    LEFT JOIN useful ON NOT useful.leading AND p.search @@ useful.query
    GROUP BY p.id, p.credential_id, p.ordinal, p.level, preferred.shared
), best AS MATERIALIZED (
    -- Rounded, because a sum of floats depends on the order of the rows.
    SELECT id, round(shared * ($5::float8[])[array_position($4::text[], level::text)] * 1e9) AS score
    FROM scored WHERE level = ANY($4)
    ORDER BY score DESC, credential_id, ordinal LIMIT $6
)
SELECT p.id AS passage_id, p.credential_id, p.version AS credential_version, v.title, v.provider, v.url, v.level,
       v.language, v.skills, p.starts_at AS start, p.ends_at AS "end", p.text, NULL::float8 AS similarity
FROM best
JOIN passages p ON p.id = best.id
JOIN credential_versions v ON v.credential_id = p.credential_id AND v.version = p.version
ORDER BY best.score DESC, p.credential_id, p.ordinal;

-- name: search_vectors
-- Passages nearest to the vector $1 in meaning, by comparing it with every vector of the same model; $2 is the space,
-- $3 and $4 are the bonus of each level. The vector is read in a sub-select, once; a generic plan would parse it again
-- for each row.
WITH best AS MATERIALIZED (
    -- The distance is computed once per row, for the order, and again for the few rows that remain.
    SELECT passage_id, embedding <=> (SELECT $1::text::vector) AS distance,
           CASE level WHEN ($3::text[])[1] THEN ($4::float8[])[1] WHEN ($3::text[])[2] THEN ($4::float8[])[2]
           WHEN ($3::text[])[3] THEN ($4::float8[])[3] ELSE ($4::float8[])[4] END AS bonus
    FROM passage_vectors
    -- Nearly all vectors are of exactly this space, and equality is cheaper to test than LIKE.
    WHERE model = $2 OR model LIKE (SELECT replace(replace(split_part($2, ' (', 1), '%', '\%'), '_', '\_') || ' (%')
    ORDER BY (embedding <=> (SELECT $1::text::vector))
             - CASE level WHEN ($3::text[])[1] THEN ($4::float8[])[1] WHEN ($3::text[])[2] THEN ($4::float8[])[2]
               WHEN ($3::text[])[3] THEN ($4::float8[])[3] ELSE ($4::float8[])[4] END, credential_id, ordinal
    LIMIT $5
)
SELECT p.id AS passage_id, p.credential_id, p.version AS credential_version, v.title, v.provider, v.url, v.level,
       v.language, v.skills, p.starts_at AS start, p.ends_at AS "end", p.text, 1 - best.distance AS similarity
FROM best
-- By their ids: in a plan for any $5, a join would read all passages for these few.
CROSS JOIN LATERAL (SELECT * FROM passages WHERE id = best.passage_id AND present OFFSET 0) AS p
CROSS JOIN LATERAL (
    SELECT * FROM credential_versions WHERE credential_id = p.credential_id AND version = p.version OFFSET 0
) AS v
ORDER BY best.distance - best.bonus, p.credential_id, p.ordinal;

-- name: search_vector_index
-- The same by the indexes, one for each level, which find nearly all of the nearest vectors of that level. Joining the
-- levels is exact, since the best of all are among the best of their levels. More than are wanted are read of each,
-- because an index returns equal distances in any order. Each level has its own subquery, because an index with a
-- condition is used only where the statement has the same condition as a constant.
WITH near AS MATERIALIZED (
    (SELECT passage_id, credential_id, ordinal, level, embedding <=> (SELECT $1::text::vector) AS distance
     FROM passage_vectors WHERE level = 'beginner' AND starts_with(model, (SELECT split_part($2, ' (', 1) || ' ('))
     ORDER BY embedding <=> (SELECT $1::text::vector) LIMIT 2 * $5)
    UNION ALL
    (SELECT passage_id, credential_id, ordinal, level, embedding <=> (SELECT $1::text::vector) AS distance
     FROM passage_vectors WHERE level = 'intermediate' AND starts_with(model, (SELECT split_part($2, ' (', 1) || ' ('))
     ORDER BY embedding <=> (SELECT $1::text::vector) LIMIT 2 * $5)
    UNION ALL
    (SELECT passage_id, credential_id, ordinal, level, embedding <=> (SELECT $1::text::vector) AS distance
     FROM passage_vectors WHERE level = 'advanced' AND starts_with(model, (SELECT split_part($2, ' (', 1) || ' ('))
     ORDER BY embedding <=> (SELECT $1::text::vector) LIMIT 2 * $5)
    UNION ALL
    (SELECT passage_id, credential_id, ordinal, level, embedding <=> (SELECT $1::text::vector) AS distance
     FROM passage_vectors WHERE level = 'any' AND starts_with(model, (SELECT split_part($2, ' (', 1) || ' ('))
     ORDER BY embedding <=> (SELECT $1::text::vector) LIMIT 2 * $5)
), best AS MATERIALIZED (
    SELECT near.passage_id, near.distance, fit.bonus
    FROM near JOIN unnest($3::text[], $4::float8[]) AS fit(level, bonus) ON fit.level = near.level
    ORDER BY near.distance - fit.bonus, near.credential_id, near.ordinal LIMIT $5
)
SELECT p.id AS passage_id, p.credential_id, p.version AS credential_version, v.title, v.provider, v.url, v.level,
       v.language, v.skills, p.starts_at AS start, p.ends_at AS "end", p.text, 1 - best.distance AS similarity
FROM best
JOIN passages p ON p.id = best.passage_id AND p.present
JOIN credential_versions v ON v.credential_id = p.credential_id AND v.version = p.version
ORDER BY best.distance - best.bonus, p.credential_id, p.ordinal;

-- name: find_similarities
-- The similarity of each credential ($1) to the vector $2, of the model $3: that of its nearest passage.
SELECT credential_id, max(1 - (embedding <=> (SELECT $2::text::vector))) AS similarity
FROM passage_vectors
WHERE credential_id = ANY($1::uuid[]) AND starts_with(model, (SELECT $3::text || ' ('))
GROUP BY credential_id;

-- name: find_by_skills
-- The active credentials that share most of these skills, with their first passage.
SELECT p.id AS passage_id, p.credential_id, p.version AS credential_version, v.title, v.provider, v.url, v.level,
       v.language, v.skills, p.starts_at AS start, p.ends_at AS "end", p.text, NULL::float8 AS similarity
FROM passages p
JOIN credentials c ON c.id = p.credential_id AND c.current_version = p.version AND c.deleted_at IS NULL
JOIN credential_versions v ON v.credential_id = p.credential_id AND v.version = p.version
WHERE p.ordinal = 0 AND v.skills && $1::text[]
ORDER BY cardinality(ARRAY(SELECT unnest(v.skills) INTERSECT SELECT unnest($1::text[]))) DESC, p.credential_id
LIMIT $2;

-- name: find_quotable
-- The passages of each version of a credential ($1, $2), in order. `shared` says how well the passage's own words, that
-- is without title and skills, match the credential's phrases ($3, $4: a row for each phrase). The similarity is the
-- cosine with $5, where the passage's vector is of the same model $6.
WITH phrase AS MATERIALIZED (
    SELECT credential_id, phraseto_tsquery('english', text) AS query
    FROM unnest($3::uuid[], $4::text[]) AS phrase(credential_id, text)
)
SELECT p.credential_id, p.id AS passage_id, p.starts_at AS start, p.ends_at AS "end", p.text, (
    -- The weights are those of the classes D, C, B and A; the passage's own words are B.
    SELECT coalesce(round(sum(ts_rank('{0, 0, 1, 0}', p.search, phrase.query)) * 1e9), 0)
    FROM phrase WHERE phrase.credential_id = p.credential_id
)::float8 AS shared, 1 - (v.embedding <=> (SELECT $5::text::vector)) AS similarity
FROM unnest($1::uuid[], $2::int[]) AS wanted(credential_id, version)
JOIN passages p USING (credential_id, version)
LEFT JOIN passage_vectors v ON v.passage_id = p.id AND starts_with(v.model, $6::text || ' (')
ORDER BY p.credential_id, p.ordinal;
