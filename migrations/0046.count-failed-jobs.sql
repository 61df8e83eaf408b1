-- The metrics count failed jobs every few seconds, and nobody may retry or delete them for long. In this order, because
-- with an index of `job_type` alone the lists of failed jobs would be sorted.
CREATE INDEX async_jobs_failed_idx ON async_jobs (created_at, id) INCLUDE (job_type) WHERE status = 'failed';
