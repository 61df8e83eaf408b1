DROP TABLE async_jobs;
