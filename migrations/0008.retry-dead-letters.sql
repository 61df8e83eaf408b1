-- Dead letters (failed jobs): an index for their lists, and retries in the audit log.

-- Serves lists of one status and, merged, of several; without it a list would sort the whole table.
CREATE INDEX async_jobs_newest_idx ON async_jobs (status, created_at DESC, id DESC);

ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_action_check,
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_action_check CHECK (action IN ('create', 'update', 'delete', 'retry')),
    ADD CONSTRAINT audit_log_entity_check CHECK (entity IN ('track', 'question', 'credential', 'job'));
