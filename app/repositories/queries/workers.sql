-- Workers that are alive, as they say themselves.

-- name: report
-- Also forgets those that have said nothing for $5 seconds.
WITH gone AS (
    DELETE FROM workers
    WHERE id IN (SELECT id FROM workers WHERE seen_at < now() - make_interval(secs => $5) AND id <> $1
                 FOR UPDATE SKIP LOCKED)
)
INSERT INTO workers (id, host, version, load) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET seen_at = now(), load = excluded.load;

-- name: leave
DELETE FROM workers WHERE id = $1;

-- name: list
-- The workers that have said something in the last $1 seconds.
SELECT id AS worker_id, host, version, started_at, seen_at, load FROM workers
WHERE seen_at > now() - make_interval(secs => $1)
ORDER BY started_at, id;

-- name: count_ended
-- Jobs that ended in the last $1 seconds.
SELECT job_type, status, count(*) AS count FROM async_jobs
WHERE completed_at > now() - make_interval(secs => $1)
GROUP BY job_type, status;

-- name: count_due_deliveries
-- Messages to webhooks that wait for a worker, for how many seconds the oldest has waited, and how many were tried in
-- vain and will be tried again.
SELECT count(*) FILTER (WHERE due_at <= now()) AS count,
       coalesce(extract(epoch FROM max(now() - due_at) FILTER (WHERE due_at <= now())), 0)::float8 AS delay,
       count(*) FILTER (WHERE attempts > 0 AND status = 'pending') AS retried
FROM webhook_deliveries WHERE due_at IS NOT NULL;

-- name: count_calls
-- Calls of models in the last $1 seconds by outcome, with what the provider said to the newest that has a message.
SELECT model, outcome, count(*) AS calls, max(created_at) AS newest_at,
       (array_agg(provider_message ORDER BY id DESC) FILTER (WHERE provider_message IS NOT NULL))[1] AS message
FROM model_calls WHERE created_at > now() - make_interval(secs => $1)
GROUP BY model, outcome ORDER BY model, outcome;

-- name: read_budget
-- What calls have cost today (UTC), and what is reserved for calls in flight.
SELECT coalesce(max(spent), 0)::float8 AS spent, coalesce(max(reserved), 0)::float8 AS reserved
FROM model_budget WHERE day = (now() AT TIME ZONE 'UTC')::date;
