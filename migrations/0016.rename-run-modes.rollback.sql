ALTER TABLE async_jobs ADD COLUMN old_mode varchar(20) NOT NULL DEFAULT 'needed';
UPDATE async_jobs SET old_mode = CASE mode WHEN 'rescore' THEN 'anew' ELSE 'bought' END WHERE mode <> 'missing';
ALTER TABLE async_jobs DROP COLUMN mode;
ALTER TABLE async_jobs RENAME COLUMN old_mode TO mode;
ALTER TABLE async_jobs
    ADD CONSTRAINT async_jobs_mode_check CHECK (mode IN ('needed', 'anew', 'bought'));
