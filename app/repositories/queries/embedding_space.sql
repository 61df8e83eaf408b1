-- Whose vectors the catalogue has, and is to have.

-- name: chosen
SELECT name, extract(epoch FROM now() - seen_at)::float8 AS idle_seconds FROM embedding_space;

-- name: choose
INSERT INTO embedding_space (name) VALUES ($1)
ON CONFLICT (only_one) DO UPDATE SET name = excluded.name, seen_at = now();

-- name: keep
UPDATE embedding_space SET seen_at = now() WHERE name = $1;

-- name: share_embedded
-- The share of the present passages that have a vector of this space ($1) or at least of its model, whatever else the
-- name says about how the text was put together. That all have one of the space, as nearly always, shows in three looks
-- along the index; only else they are counted.
SELECT CASE
    WHEN EXISTS (SELECT FROM passage_vectors WHERE model IS NULL)
      OR EXISTS (SELECT FROM passage_vectors WHERE model < $1)
      OR EXISTS (SELECT FROM passage_vectors WHERE model > $1)
    THEN (SELECT coalesce(sum(passages) FILTER (WHERE split_part(model, ' (', 1) = split_part($1, ' (', 1)), 0)::float8
                 / sum(passages)::float8
          FROM (SELECT model, count(*) AS passages FROM passage_vectors GROUP BY model) AS counted)
    ELSE 1 END;
