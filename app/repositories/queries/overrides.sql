-- All of these statements need the assessment locked (`lock` in assessments.sql), so that overrides are stored one
-- after the other, and a fusion notices those that it has not read (`complete_assessment` in jobs.sql).

-- name: read_newest_result
SELECT r.assessment_id, r.run, r.body FROM results r WHERE r.assessment_id = $1 ORDER BY r.run DESC LIMIT 1;

-- name: add
INSERT INTO score_overrides (assessment_id, question_id, score, max_score, machine_score, scorer, reason, actor,
                             dimensions, confirmed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
RETURNING created_at;

-- name: replace_result
-- Replaces the result of a run by its next edition, updates what the assessment shows of it, and creates the
-- deliveries. A fusion that waits for the assessment's row will read the overrides again.
WITH fused AS (
    UPDATE results SET body = $3, edition = edition + 1 WHERE assessment_id = $1 AND run = $2
    RETURNING assessment_id, run, edition
), shown AS (
    UPDATE assessments a
    SET overrides_version = a.overrides_version + 1, revision = a.revision + 1,
        degraded = $4::jsonb <> '[]', degraded_reasons = $4::jsonb, needs_review = $5 OR EXISTS (
            SELECT FROM review_items i WHERE i.assessment_id = a.id AND 'appeal' = ANY(i.reasons))
    FROM fused
    WHERE a.id = fused.assessment_id
    RETURNING a.id
)
SELECT created.due_id AS id, created.due_fence AS fence
FROM fused JOIN shown ON shown.id = fused.assessment_id,
LATERAL create_deliveries(fused.assessment_id, fused.run, fused.edition, 'assessment.rescored') AS created;
