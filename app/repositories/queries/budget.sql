-- The dollars that a day's model calls may cost; days are those of UTC.

-- name: reserve
-- Sets $1 dollars aside where they fit into $2. No row: they don't.
INSERT INTO model_budget AS b (day, reserved)
SELECT (now() AT TIME ZONE 'UTC')::date, $1 WHERE $1 <= $2::float8
ON CONFLICT (day) DO UPDATE SET reserved = b.reserved + $1 WHERE b.spent + b.reserved + $1 <= $2
RETURNING day;

-- name: spent_today
SELECT coalesce((SELECT spent FROM model_budget WHERE day = (now() AT TIME ZONE 'UTC')::date), 0);

-- name: settle
-- What was set aside for a call becomes what it cost, on the day on which it was set aside.
UPDATE model_budget SET reserved = greatest(reserved - $2, 0), spent = spent + $3 WHERE day = $1;
