-- A page of the review queue with a rare reason finds its items by an index of reasons. Other pages read in their
-- order, and pass over items that do not match; with what they filter by in that index, they read nothing else of them.

CREATE INDEX review_items_reasons_idx ON review_items USING gin (reasons);
CREATE INDEX review_items_oldest_covering_idx
    ON review_items (created_at, assessment_id, question_id) INCLUDE (track_id, reasons);
CREATE INDEX review_items_confidence_covering_idx
    ON review_items ((coalesce(confidence, 0)), assessment_id, question_id) INCLUDE (track_id, reasons, confidence);
CREATE INDEX review_items_shuffled_covering_idx
    ON review_items (shuffle_key, assessment_id, question_id) INCLUDE (track_id, reasons);
DROP INDEX review_items_oldest_idx, review_items_confidence_idx, review_items_shuffled_idx;
ALTER INDEX review_items_oldest_covering_idx RENAME TO review_items_oldest_idx;
ALTER INDEX review_items_confidence_covering_idx RENAME TO review_items_confidence_idx;
ALTER INDEX review_items_shuffled_covering_idx RENAME TO review_items_shuffled_idx;

-- An item as its page shows it.
CREATE VIEW review_queue AS
SELECT i.assessment_id, i.question_id, i.reasons, i.confidence, i.created_at AS waiting_since, i.shuffle_key,
       q.type AS question_type, t.slug AS track, a.owner, r.reserved_by, r.reserved_until
FROM review_items i
JOIN assessments a ON a.id = i.assessment_id
JOIN tracks t ON t.id = i.track_id
JOIN questions q ON q.id = i.question_id
LEFT JOIN review_reservations r ON r.assessment_id = i.assessment_id AND r.question_id = i.question_id
                               AND r.reserved_until > now();
