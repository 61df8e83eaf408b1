DROP VIEW quoted_review_queue;
