-- The modes of a run are called `missing`, `rescore` and `cached`; before, `needed`, `anew` and `bought`.
--
-- Stop the workers of the version before, and start those of this version afterwards: neither version knows the values
-- of the other, so a worker of the wrong version would fail each job that it takes and use up its attempts. Nothing is
-- lost while no worker runs; jobs wait in their queue. Servers of the version before still accept submissions, but answer
-- retries and rescores with 500.

-- A new column instead of an UPDATE of nearly all rows: the default is not written into them, so that the table is
-- locked for as long as it takes to read it once.
ALTER TABLE async_jobs ADD COLUMN new_mode varchar(20) NOT NULL DEFAULT 'missing';
UPDATE async_jobs SET new_mode = CASE mode WHEN 'anew' THEN 'rescore' ELSE 'cached' END WHERE mode <> 'needed';
ALTER TABLE async_jobs DROP COLUMN mode;
ALTER TABLE async_jobs RENAME COLUMN new_mode TO mode;
ALTER TABLE async_jobs
    ADD CONSTRAINT async_jobs_mode_check CHECK (mode IN ('missing', 'rescore', 'cached'));
