CREATE INDEX assessments_degraded_idx ON assessments (completed_at)
    WHERE status = 'completed' AND (degraded_reasons @> '[{"code": "essay_scored_locally"}]'
                                    OR degraded_reasons @> '[{"code": "essay_unscored"}]');
DROP INDEX assessments_to_rescore_idx;
