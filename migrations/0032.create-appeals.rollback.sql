-- The constraints of the version before would refuse these rows, and it has no other use for them.
DELETE FROM audit_log WHERE entity = 'appeal' OR action = 'answer';
ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_action_check,
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_action_check
        CHECK (action IN ('create', 'update', 'delete', 'retry', 'override', 'rescore', 'restore', 'rotate', 'revoke',
                          'confirm', 'reserve', 'release', 'submit', 'erase', 'export')),
    ADD CONSTRAINT audit_log_entity_check
        CHECK (entity IN ('track', 'question', 'credential', 'job', 'delivery', 'score', 'assessment', 'api_key',
                          'feedback', 'webhook', 'person'));
DELETE FROM webhook_attempts
WHERE delivery_id IN (SELECT id FROM webhook_deliveries WHERE event_type LIKE 'assessment.appeal%');
DELETE FROM webhook_deliveries WHERE event_type LIKE 'assessment.appeal%';
DROP TABLE appeals;
-- Nobody could answer them any more.
DELETE FROM review_items WHERE reasons = '{appeal}';
UPDATE review_items SET reasons = array_remove(reasons, 'appeal') WHERE 'appeal' = ANY(reasons);
UPDATE assessments a SET needs_review = false
WHERE a.needs_review AND NOT EXISTS (SELECT FROM review_items i WHERE i.assessment_id = a.id);
