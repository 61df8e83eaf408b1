-- Other names of skills.

-- name: read
SELECT alias, skill FROM skill_aliases ORDER BY skill, alias;

-- name: lock
-- One list replaces another as a whole; readers go on.
LOCK TABLE skill_aliases IN SHARE ROW EXCLUSIVE MODE;

-- name: clear
DELETE FROM skill_aliases;

-- name: add
INSERT INTO skill_aliases (alias, skill) SELECT * FROM unnest($1::text[], $2::text[]);
