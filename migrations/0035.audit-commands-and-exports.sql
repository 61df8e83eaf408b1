-- The audit log also says who exported it, and which command has embedded the credentials anew.

ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_entity_check
        CHECK (entity IN ('track', 'question', 'credential', 'job', 'delivery', 'score', 'assessment', 'api_key',
                          'feedback', 'webhook', 'person', 'appeal', 'audit_log', 'embedding_space'));

-- Who is exported or erased may have done something to any assessment.
CREATE INDEX score_overrides_actor_idx ON score_overrides (actor);
CREATE INDEX feedback_author_idx ON feedback (author);
CREATE INDEX appeals_answered_by_idx ON appeals (answered_by);
