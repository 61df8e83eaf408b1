-- Erasing people. Whoever deletes an assessment locks it before, with what belongs to it: other transactions either are
-- over by then, or find nothing when they go on. Those who claim or end a job lock it before its assessment, others the
-- other way round. So that nobody gets into a deadlock with an erasure, it waits for the assessment alone, and gives up
-- for the moment where something else is locked (NOWAIT).

-- name: request
-- The pending erasure of the person, a new one if there is none.
INSERT INTO erasures (id, person, person_key) VALUES ($1, $2, $3)
ON CONFLICT (person) WHERE person IS NOT NULL DO UPDATE SET person = excluded.person
RETURNING id, id = $1 AS is_new;

-- name: find_pending
SELECT id FROM erasures WHERE person = $1;

-- name: find
SELECT e.id AS erasure_id, e.status, e.requested_at, e.completed_at, e.counts,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'at', c.at, 'provider', c.provider, 'model', c.model, 'prompt_version', c.prompt_version,
            'outcome', c.outcome, 'tokens_in', c.tokens_in) ORDER BY c.at, c.id), '[]')
        FROM erasure_model_calls c WHERE c.erasure_id = e.id) AS sent_to_models
FROM erasures e WHERE e.id = $1;

-- name: take
-- A pending erasure that no other worker works on, locked until the transaction ends: the one with the id $1, or if
-- that is null, any of them, so that one that fails does not hold up the others. The key is as long as the hash's
-- output, and the hash is cut, so that it cannot be extended.
SELECT id, person,
       'erased-' || encode(substr(sha256(person_key || convert_to(person, 'UTF8')), 1, 16), 'hex') AS pseudonym
FROM erasures WHERE status = 'pending' AND ($1::uuid IS NULL OR id = $1)
ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: next_assessment
SELECT id FROM assessments WHERE owner = $1 LIMIT 1;

-- name: list_old
SELECT id FROM assessments WHERE created_at < now() - make_interval(days => $1) ORDER BY created_at LIMIT $2;

-- name: lock_jobs
SELECT id FROM async_jobs WHERE assessment_id = $1 FOR UPDATE NOWAIT;

-- name: lock_assessment
SELECT id FROM assessments WHERE id = $1 FOR UPDATE;

-- name: lock_parts
SELECT question_id FROM assessment_questions WHERE assessment_id = $1 FOR UPDATE NOWAIT;

-- name: lock_deliveries
SELECT id FROM webhook_deliveries WHERE assessment_id = $1 FOR UPDATE NOWAIT;

-- name: keep_model_calls
-- For the receipt: when which model was asked.
INSERT INTO erasure_model_calls (erasure_id, at, provider, model, prompt_version, outcome, tokens_in)
SELECT $2, created_at, provider, model, prompt_version, outcome, tokens_in
FROM model_calls WHERE assessment_id = $1;

-- name: delete_assessment
-- Deletes a locked assessment with everything that belongs to it, and returns the number of rows by table. Calls of
-- models stay for the costs, without their answers and without saying for whom they were.
WITH attempts AS (
    DELETE FROM webhook_attempts
    WHERE delivery_id = ANY(ARRAY(SELECT id FROM webhook_deliveries WHERE assessment_id = $1))
    RETURNING 1
), appealed AS (DELETE FROM appeals WHERE assessment_id = $1 RETURNING 1
), deliveries AS (DELETE FROM webhook_deliveries WHERE assessment_id = $1 RETURNING 1
), rated AS (DELETE FROM feedback WHERE assessment_id = $1 RETURNING 1
), recommended AS (DELETE FROM recommendations WHERE assessment_id = $1 RETURNING 1
), results_of AS (DELETE FROM results WHERE assessment_id = $1 RETURNING 1
), overridden AS (DELETE FROM score_overrides WHERE assessment_id = $1 RETURNING 1
), scored AS (DELETE FROM scores WHERE assessment_id = $1 RETURNING 1
), healing AS (DELETE FROM essay_healing WHERE assessment_id = $1 RETURNING 1
), reserved AS (DELETE FROM review_reservations WHERE assessment_id = $1 RETURNING 1
), reviews AS (DELETE FROM review_items WHERE assessment_id = $1 RETURNING 1
), answered AS (DELETE FROM responses WHERE assessment_id = $1 RETURNING 1
), jobs AS (DELETE FROM async_jobs WHERE assessment_id = $1 RETURNING 1
), questions_of AS (DELETE FROM assessment_questions WHERE assessment_id = $1 RETURNING 1
), called AS (
    UPDATE model_calls
    SET assessment_id = NULL, run = NULL, question_id = NULL, answer = NULL, fingerprint = NULL, provider_message = NULL
    WHERE assessment_id = $1 RETURNING 1
), keys AS (
    DELETE FROM idempotency_keys WHERE split_part(path, '/', 3) = ANY($2::text[]) RETURNING 1
), deleted AS (DELETE FROM assessments WHERE id = $1 RETURNING 1)
SELECT jsonb_build_object(
    'webhook_attempts', (SELECT count(*) FROM attempts), 'appeals', (SELECT count(*) FROM appealed),
    'webhook_deliveries', (SELECT count(*) FROM deliveries),
    'feedback', (SELECT count(*) FROM rated), 'recommendations', (SELECT count(*) FROM recommended),
    'results', (SELECT count(*) FROM results_of), 'score_overrides', (SELECT count(*) FROM overridden),
    'scores', (SELECT count(*) FROM scored), 'essay_healing', (SELECT count(*) FROM healing),
    'review_reservations', (SELECT count(*) FROM reserved), 'review_items', (SELECT count(*) FROM reviews),
    'responses', (SELECT count(*) FROM answered), 'async_jobs', (SELECT count(*) FROM jobs),
    'assessment_questions', (SELECT count(*) FROM questions_of), 'model_calls', (SELECT count(*) FROM called),
    'idempotency_keys', (SELECT count(*) FROM keys), 'assessments', (SELECT count(*) FROM deleted)) AS counts;

-- name: forget_things
SELECT forget_things_in_audit_log($1, $2);

-- name: lock_owner
-- As `lock_owner` (migration 0024): a start or a submission of the person at this moment is over before the next
-- statement, or begins after the erasure.
SELECT pg_advisory_xact_lock(hashtextextended($1, 1));

-- name: forget_person
-- What the person has left in other people's assessments and elsewhere. $1 is the principal, $2 its pseudonym, $3
-- what people see of the principal. In results, `"by":` stands before the name of who overrode a score, and in no
-- text, where the quotation marks are escaped.
WITH overridden AS (
    UPDATE score_overrides SET actor = $2 WHERE actor = $1 RETURNING assessment_id
), shown AS (
    UPDATE results
    SET body = replace(body::text, '"by":' || to_json($3::text)::text, '"by":' || to_json($2::text)::text)::json
    -- An array, by which they are found in the index, however many the planner expects.
    WHERE assessment_id = ANY(ARRAY(SELECT assessment_id FROM score_overrides WHERE actor = $1))
      AND position('"by":' || to_json($3::text)::text IN body::text) > 0
    RETURNING 1
), decided AS (UPDATE appeals SET answered_by = $2 WHERE answered_by = $1 RETURNING 1
), rated AS (UPDATE feedback SET author = $2, comment = NULL WHERE author = $1 RETURNING 1
), reserved AS (DELETE FROM review_reservations WHERE reserved_by = $1 RETURNING 1
), made AS (UPDATE api_keys SET created_by = $2 WHERE created_by = $1 RETURNING 1
), keys AS (DELETE FROM idempotency_keys WHERE owner = $1 RETURNING 1
), signed_in AS (DELETE FROM sessions WHERE owner = $1 RETURNING 1
), budget AS (DELETE FROM owner_budget WHERE owner = $1 RETURNING 1
), audited AS (SELECT forget_person_in_audit_log($1, $2) AS lines)
SELECT jsonb_build_object(
    'score_overrides', (SELECT count(*) FROM overridden), 'results', (SELECT count(*) FROM shown),
    'appeals', (SELECT count(*) FROM decided),
    'feedback', (SELECT count(*) FROM rated), 'review_reservations', (SELECT count(*) FROM reserved),
    'api_keys', (SELECT count(*) FROM made), 'idempotency_keys', (SELECT count(*) FROM keys),
    'sessions', (SELECT count(*) FROM signed_in), 'owner_budget', (SELECT count(*) FROM budget),
    'audit_log', (SELECT lines FROM audited)) AS counts;

-- name: add_counts
UPDATE erasures
SET counts = (SELECT coalesce(jsonb_object_agg(name, total), '{}')
              FROM (SELECT name, sum(value::bigint) AS total
                    FROM (SELECT key AS name, value FROM jsonb_each_text(counts)
                          UNION ALL SELECT key, value FROM jsonb_each_text($2)) AS parts
                    GROUP BY name HAVING sum(value::bigint) > 0) AS sums)
WHERE id = $1;

-- name: complete
-- Forgets whom it erased, and the key of the pseudonym.
UPDATE erasures SET status = 'completed', completed_at = now(), person = NULL, person_key = NULL WHERE id = $1;
