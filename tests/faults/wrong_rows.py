"""What is wrong in a database in which every submitted assessment was scored once, without help."""

# Each statement counts rows that must not exist.
WRONG_ROWS = {
    "assessments that are not completed, degraded, waiting for jobs, or rescored": """
        SELECT count(*) FROM assessments WHERE status <> 'completed' OR degraded OR remaining <> 0 OR run <> 1""",
    "questions without exactly one score, and scores without a question": """
        SELECT count(*) FROM assessment_questions q
        FULL JOIN (SELECT assessment_id, question_id, count(*), bool_and(run = 1 AND score IS NOT NULL) AS sound
                   FROM scores GROUP BY assessment_id, question_id) AS s USING (assessment_id, question_id)
        WHERE q.position IS NULL OR s.count IS DISTINCT FROM 1 OR NOT s.sound""",
    "essays that the model did not score": """
        SELECT count(*) FROM scores WHERE score_type = 'essay_gpt' AND scorer IS DISTINCT FROM 'gpt'""",
    "essays whose score in the result differs from the one in the table": """
        SELECT count(*) FROM scores s JOIN results r USING (assessment_id, run)
        WHERE s.score_type = 'essay_gpt' AND NOT EXISTS (
            SELECT FROM json_array_elements(r.body -> 'breakdown' -> 'essay' -> 'questions') AS line
            WHERE line ->> 'question_id' = s.question_id::text AND (line ->> 'score')::float8 = s.score)""",
    "assessments without exactly one result": """
        SELECT count(*) FROM assessments a
        WHERE (SELECT count(*) FROM results r WHERE r.assessment_id = a.id) <> 1""",
    "assessments without exactly three jobs, all completed after a claim": """
        SELECT count(*) FROM assessments a
        WHERE (SELECT count(*) FROM async_jobs j
               WHERE j.assessment_id = a.id AND j.status = 'completed' AND j.fence > 0) <> 3
           OR (SELECT count(*) FROM async_jobs j WHERE j.assessment_id = a.id) <> 3""",
}
# Before that, results are degraded.
ALL_EMBEDDED = "SELECT bool_and(embedding IS NOT NULL) FROM passage_vectors"
NONE_OPEN = "SELECT count(*) = 0 FROM assessments WHERE status IN ('in_progress', 'submitted')"
