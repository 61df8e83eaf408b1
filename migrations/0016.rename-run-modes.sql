-- The modes of a run are called `missing`, `rescore` and `cached`; before, `needed`, `anew` and `bought`.
--
-- Stop all workers before this migration, and start those of the new version after it. Neither version knows the values
-- of the other, so a worker of the wrong version would fail every job that it claims, until the job has no attempts
-- left. While no worker runs, jobs wait in the database. Servers of the old version still accept submissions after the
-- migration, but answer retries and rescores with 500 until they are replaced.

-- A new column with a default instead of an UPDATE of nearly all rows: the default is not written into the rows, so the
-- table is locked only for the time of one scan.
ALTER TABLE async_jobs ADD COLUMN new_mode varchar(20) NOT NULL DEFAULT 'missing';
UPDATE async_jobs SET new_mode = CASE mode WHEN 'anew' THEN 'rescore' ELSE 'cached' END WHERE mode <> 'needed';
ALTER TABLE async_jobs DROP COLUMN mode;
ALTER TABLE async_jobs RENAME COLUMN new_mode TO mode;
ALTER TABLE async_jobs
    ADD CONSTRAINT async_jobs_mode_check CHECK (mode IN ('missing', 'rescore', 'cached'));
