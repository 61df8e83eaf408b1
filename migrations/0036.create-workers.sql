-- Workers say every few seconds that they are alive and how busy they are, and what has ended lately is read from an
-- index: for the page of those who run the service.

CREATE TABLE workers (
    id         uuid PRIMARY KEY,
    host       text NOT NULL,
    version    text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now(),
    -- By queue: how many jobs run, and how many can run at the same time.
    load       jsonb NOT NULL
);
CREATE INDEX async_jobs_ended_idx ON async_jobs (completed_at) WHERE completed_at IS NOT NULL;
