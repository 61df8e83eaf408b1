DROP VIEW review_queue;
DROP INDEX review_items_reasons_idx, review_items_oldest_idx, review_items_confidence_idx, review_items_shuffled_idx;
CREATE INDEX review_items_oldest_idx ON review_items (created_at, assessment_id, question_id);
CREATE INDEX review_items_confidence_idx ON review_items ((coalesce(confidence, 0)), assessment_id, question_id);
CREATE INDEX review_items_shuffled_idx ON review_items (shuffle_key, assessment_id, question_id);
