-- Bounds for each owner: submissions that wait, starts of a day, idempotency keys, and a share of the models' budget.

-- Counts what an owner has, each up to a number ($2 to $4; 0 counts nothing), and locks the owner until the transaction
-- ends. A function, because the statements of a VOLATILE one see what was committed while it waited for the lock; the
-- statement that calls it does not. So of requests at the same moment none exceeds a bound that was counted here.
-- `next_start_at`: when less than `most_starts` assessments are younger than a day; NULL: they are fewer now.
CREATE FUNCTION lock_owner(owner_name text, most_waiting integer, most_starts integer, most_keys integer,
                           OUT waiting bigint, OUT keys bigint, OUT next_start_at timestamptz)
LANGUAGE plpgsql VOLATILE STRICT AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(owner_name, 1));
    SELECT count(*) INTO waiting
    FROM (SELECT FROM assessments a WHERE a.owner = owner_name AND a.status = 'submitted' LIMIT most_waiting) AS w;
    SELECT count(*) INTO keys FROM (SELECT FROM idempotency_keys k WHERE k.owner = owner_name LIMIT most_keys) AS k;
    IF most_starts > 0 THEN
        SELECT a.created_at + interval '1 day' INTO next_start_at FROM assessments a
        WHERE a.owner = owner_name AND a.created_at > now() - interval '1 day'
        ORDER BY a.created_at DESC OFFSET most_starts - 1 LIMIT 1;
    END IF;
END $$;

-- Serves the count of one owner's submissions, and that of all.
CREATE INDEX assessments_waiting_owner_idx ON assessments (owner) WHERE status = 'submitted';
DROP INDEX assessments_waiting_idx;

-- What one owner's calls of models have cost on a day (UTC), and what those in flight may cost at most.
CREATE TABLE owner_budget (
    day      date NOT NULL,
    owner    text NOT NULL,
    spent    double precision NOT NULL DEFAULT 0 CHECK (spent >= 0),
    reserved double precision NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    PRIMARY KEY (day, owner)
);
