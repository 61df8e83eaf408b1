DROP INDEX appeals_answered_by_idx, feedback_author_idx, score_overrides_actor_idx;

-- The constraint of the version before would refuse these rows.
DELETE FROM audit_log WHERE entity IN ('audit_log', 'embedding_space');
ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_entity_check
        CHECK (entity IN ('track', 'question', 'credential', 'job', 'delivery', 'score', 'assessment', 'api_key',
                          'feedback', 'webhook', 'person', 'appeal'));
