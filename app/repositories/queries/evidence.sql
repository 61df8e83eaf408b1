-- name: find_evidence
-- Of each version of a credential ($1, $2) the passage that speaks for it: the one whose own words, without title and
-- skills, have most of what is told of the credential ($3, $4: a line for each phrase); else the first, which says what
-- it is about. The similarity is the cosine with $5, where both vectors are of the model $6.
WITH told AS MATERIALIZED (
    SELECT credential_id, phraseto_tsquery('english', phrase) AS query
    FROM unnest($3::uuid[], $4::text[]) AS told(credential_id, phrase)
), passage AS (
    SELECT p.*, (
        -- The weights of the words are those of D, C, B and A: the passage's own are B.
        SELECT coalesce(round(sum(ts_rank('{0, 0, 1, 0}', p.search, told.query)) * 1e9), 0)
        FROM told WHERE told.credential_id = p.credential_id
    ) AS shared
    FROM unnest($1::uuid[], $2::int[]) AS wanted(credential_id, version)
    JOIN passages p USING (credential_id, version)
), best AS (
    SELECT DISTINCT ON (credential_id) * FROM passage ORDER BY credential_id, shared DESC, ordinal
)
SELECT best.credential_id, best.id AS passage_id, best.starts_at AS start, best.ends_at AS "end", best.text,
       1 - (v.embedding <=> $5::text::vector) AS similarity
FROM best
LEFT JOIN passage_vectors v ON v.passage_id = best.id AND starts_with(v.model, $6::text || ' (');
