-- The jobs of runs. These rows are the source of truth; messages in Redis only name them.

CREATE TABLE async_jobs (
    id               uuid PRIMARY KEY,
    assessment_id    uuid NOT NULL REFERENCES assessments,
    run              integer NOT NULL CHECK (run > 0),
    job_type         varchar(20) NOT NULL,
    status           varchar(20) NOT NULL DEFAULT 'queued',
    -- Rises with each claim and never falls: a write that names an older fence comes from a worker that lost its lease.
    fence            bigint NOT NULL DEFAULT 0,
    -- The running attempt and those that failed and were charged.
    attempts         integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    crashes          integer NOT NULL DEFAULT 0 CHECK (crashes >= 0),
    max_attempts     integer NOT NULL CHECK (max_attempts > 0),
    -- NULL: not due, as fusion while it waits for other jobs.
    run_after        timestamptz,
    lease_expires_at timestamptz,
    dispatched_at    timestamptz,
    units_done       integer NOT NULL DEFAULT 0,
    units_total      integer NOT NULL DEFAULT 1,
    output           jsonb,
    reasons          jsonb NOT NULL DEFAULT '[]',
    error            jsonb,
    traceparent      text,
    request_id       text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    started_at       timestamptz,
    completed_at     timestamptz,
    CONSTRAINT async_jobs_one_of_a_run_key UNIQUE (assessment_id, run, job_type),
    CONSTRAINT async_jobs_job_type_check CHECK (job_type IN ('gpt', 'rag', 'fusion')),
    CONSTRAINT async_jobs_status_check CHECK (status IN ('queued', 'in_progress', 'completed', 'failed')),
    CONSTRAINT async_jobs_completed_at_check
        CHECK ((completed_at IS NOT NULL) = (status IN ('completed', 'failed'))),
    CONSTRAINT async_jobs_lease_check CHECK ((lease_expires_at IS NOT NULL) = (status = 'in_progress')),
    CONSTRAINT async_jobs_error_check CHECK (status <> 'failed' OR error IS NOT NULL),
    CONSTRAINT async_jobs_units_check CHECK (units_done BETWEEN 0 AND units_total)
);
CREATE INDEX async_jobs_due_idx ON async_jobs (run_after) WHERE status = 'queued';
CREATE INDEX async_jobs_lease_idx ON async_jobs (lease_expires_at) WHERE status = 'in_progress';
