-- Essays in a language that the local scorer does not know are scored as soon as a model answers, like the others that no
-- model has scored. The new index also serves the query of the version before.
CREATE INDEX assessments_to_rescore_idx ON assessments (completed_at)
    WHERE status = 'completed' AND (degraded_reasons @> '[{"code": "essay_scored_locally"}]'
                                    OR degraded_reasons @> '[{"code": "essay_unscored"}]'
                                    OR degraded_reasons @> '[{"code": "language_not_supported"}]');
DROP INDEX assessments_degraded_idx;
