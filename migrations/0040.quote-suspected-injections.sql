-- The review queue with the passage for which an essay is suspected to influence its grader. A view of its own, because
-- the version before reads every column of `review_queue`.
CREATE VIEW quoted_review_queue AS
SELECT queue.*, (
    SELECT line #>> '{suspicion,quote}'
    FROM (SELECT r.body FROM results r WHERE r.assessment_id = queue.assessment_id ORDER BY r.run DESC LIMIT 1) AS newest,
         json_array_elements(newest.body #> '{breakdown,essay,questions}') AS line
    WHERE queue.reasons @> '{suspected_injection}' AND line ->> 'question_id' = queue.question_id::text
) AS suspected_quote
FROM review_queue AS queue;
