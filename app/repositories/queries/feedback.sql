-- name: read_rank
-- The run of the newest result, and the rank of the credential $2 in it, NULL if it is not recommended.
SELECT r.run, c.rank
FROM (SELECT assessment_id, run FROM results WHERE assessment_id = $1 ORDER BY run DESC LIMIT 1) AS r
LEFT JOIN recommendations c ON c.assessment_id = r.assessment_id AND c.run = r.run AND c.credential_id = $2;

-- name: store
-- Replaces the person's earlier ratings of the same result or recommendation. The constant stands for NULL, as in the
-- index `feedback_once_key`.
INSERT INTO feedback AS f (assessment_id, run, credential_id, author, relevance, acceptance, comment)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (assessment_id, author, coalesce(credential_id, '00000000-0000-0000-0000-000000000000'))
DO UPDATE SET run = excluded.run, relevance = excluded.relevance, acceptance = excluded.acceptance,
              comment = excluded.comment, given_at = now()
RETURNING given_at;

-- name: own
-- What a person has said about an assessment's result and its recommendations.
SELECT credential_id, relevance, acceptance, comment FROM feedback WHERE assessment_id = $1 AND author = $2;

-- name: groups
-- The feedback of one track ($1) or all of the days $2, whose counts are kept, and of the spans of time $3 to $4
-- (`count_feedback`, migration 0042): for each track a row for its results as a whole, one for all its recommendations,
-- one for each recommended credential and one for each rank.
WITH chosen AS (
    SELECT t.slug AS track, c.credential_id IS NULL AS of_whole, c.credential_id, c.rank, c.count,
           c.relevance_counts AS r, c.acceptance_counts AS a
    FROM (
        SELECT track_id, credential_id, rank, count, relevance_counts, acceptance_counts FROM daily_feedback
        WHERE day = ANY($2::date[])
        UNION ALL
        SELECT * FROM count_feedback($3, $4, $1)
    ) AS c
    JOIN tracks t ON t.id = c.track_id
    WHERE $1::text IS NULL OR t.slug = $1
), grouped AS (
    SELECT track, of_whole, credential_id, rank, sum(count)::int AS count,
           (sum(rank * count) / sum(count) FILTER (WHERE rank IS NOT NULL))::float8 AS mean_rank,
           ARRAY[sum(r[1]), sum(r[2]), sum(r[3]), sum(r[4]), sum(r[5])] AS relevance_counts,
           ARRAY[sum(a[1]), sum(a[2]), sum(a[3]), sum(a[4]), sum(a[5])] AS acceptance_counts
    FROM chosen
    GROUP BY GROUPING SETS ((track, of_whole), (track, of_whole, credential_id), (track, of_whole, rank))
    HAVING NOT of_whole OR grouping(credential_id, rank) = 3
)
SELECT g.track, g.of_whole, g.credential_id, v.title, g.rank, g.count, g.mean_rank,
       (SELECT (sum(n * rating) / g.count)::float8
        FROM unnest(g.relevance_counts) WITH ORDINALITY AS counted(n, rating)) AS relevance,
       (SELECT (sum(n * rating) / g.count)::float8
        FROM unnest(g.acceptance_counts) WITH ORDINALITY AS counted(n, rating)) AS acceptance,
       g.relevance_counts, g.acceptance_counts
FROM grouped g
LEFT JOIN credentials c ON c.id = g.credential_id
LEFT JOIN credential_versions v ON v.credential_id = c.id AND v.version = c.current_version
ORDER BY g.track, g.of_whole DESC, g.credential_id IS NOT NULL, g.rank IS NOT NULL, g.rank, v.title, g.credential_id;

-- name: page
-- A page of the same feedback as single ratings, by id, without the person and the assessment.
SELECT f.id, t.slug AS track, f.credential_id, v.title, c.rank, f.relevance, f.acceptance, f.comment,
       CASE WHEN f.author = a.owner THEN 'owner' ELSE 'staff' END AS given_by, f.given_at
FROM feedback f
JOIN assessments a ON a.id = f.assessment_id
JOIN tracks t ON t.id = a.track_id
LEFT JOIN recommendations c
       ON c.assessment_id = f.assessment_id AND c.run = f.run AND c.credential_id = f.credential_id
LEFT JOIN credential_versions v ON v.credential_id = c.credential_id AND v.version = c.credential_version
WHERE f.given_at >= $2 AND f.given_at < $3 AND ($1::text IS NULL OR t.slug = $1) AND f.id > $4
ORDER BY f.id LIMIT $5;
