DROP INDEX async_jobs_ended_idx;
DROP TABLE workers;
