-- When Postgres cleans up tables whose rows change several times in a short life and then stay as they are.
--
-- By default a table is vacuumed once a fifth of its rows is dead: with 1,000,000 finished jobs, after 200,000 dead rows.
-- Until then the partial indexes of what waits or runs keep an entry of each, which the relay and the metrics read. From
-- here on it is one in a hundred, with the indexes each time: by default they are left out while the dead rows are on
-- less than a fiftieth of the pages, which for jobs is always so. Plans follow the same changes, by ANALYZE.

ALTER TABLE async_jobs SET (
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.01, vacuum_index_cleanup = on
);
ALTER TABLE webhook_deliveries SET (
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.01, vacuum_index_cleanup = on
);
-- Most updates raise the revision, which no index has: in a page with room they need no index entries. Jobs and messages
-- have the status or the lease in an index, so room would not help them.
ALTER TABLE assessments SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.02, vacuum_index_cleanup = on, fillfactor = 80
);
-- Each key is written twice and deleted after a day.
ALTER TABLE idempotency_keys SET (autovacuum_vacuum_scale_factor = 0.05);
