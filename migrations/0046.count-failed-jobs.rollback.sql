DROP INDEX async_jobs_failed_idx;
