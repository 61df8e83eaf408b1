-- Exporting all that is stored of a person ($1 is the principal), as JSON.

-- name: is_stored
-- Whether a table has the person, in any column that may. A test compares this with the schema.
SELECT EXISTS (SELECT FROM assessments WHERE owner = $1)
    OR EXISTS (SELECT FROM erasures WHERE person = $1)
    OR EXISTS (SELECT FROM idempotency_keys WHERE owner = $1)
    OR EXISTS (SELECT FROM audit_log WHERE actor = $1)
    OR EXISTS (SELECT FROM audit_log WHERE entity = 'person' AND key = $1)
    OR EXISTS (SELECT FROM owner_budget WHERE owner = $1)
    OR EXISTS (SELECT FROM api_keys WHERE created_by = $1)
    OR EXISTS (SELECT FROM review_reservations WHERE reserved_by = $1)
    OR EXISTS (SELECT FROM score_overrides WHERE actor = $1)
    OR EXISTS (SELECT FROM sessions WHERE owner = $1)
    OR EXISTS (SELECT FROM appeals WHERE answered_by = $1)
    OR EXISTS (SELECT FROM feedback WHERE author = $1);

-- name: count_stored
-- How much is stored of the person, for those who decide on an erasure.
SELECT count(*) AS assessments, count(*) FILTER (WHERE status IN ('in_progress', 'submitted')) AS unfinished,
       coalesce(sum((SELECT count(*) FROM responses r WHERE r.assessment_id = a.id)), 0)::bigint AS answers,
       coalesce(sum((SELECT count(*) FROM model_calls c WHERE c.assessment_id = a.id)), 0)::bigint AS model_calls,
       (SELECT count(*) FROM feedback WHERE author = $1) AS ratings,
       (SELECT count(*) FROM score_overrides WHERE actor = $1) AS overrides,
       (SELECT count(*) FROM api_keys WHERE created_by = $1) AS api_keys,
       (SELECT count(*) FROM sessions WHERE owner = $1) AS sessions,
       (SELECT count(*) FROM audit_log WHERE actor = $1) AS audit_lines
FROM assessments a WHERE owner = $1;

-- name: read_person
-- What is stored outside of the person's assessments. Names of others are not in it, nor stored responses, which repeat
-- what is exported, nor secrets.
SELECT json_build_object(
    'feedback_on_others', (SELECT coalesce(json_agg(json_build_object(
        'assessment_id', f.assessment_id, 'credential_id', f.credential_id, 'relevance', f.relevance,
        'acceptance', f.acceptance, 'comment', f.comment, 'given_at', f.given_at) ORDER BY f.id), '[]')
        FROM feedback f JOIN assessments a ON a.id = f.assessment_id WHERE f.author = $1 AND a.owner <> $1),
    'overrides_of_others', (SELECT coalesce(json_agg(json_build_object(
        'assessment_id', assessment_id, 'question_id', question_id, 'score', score, 'reason', reason,
        'at', created_at) ORDER BY id), '[]') FROM score_overrides WHERE actor = $1),
    'answered_appeals', (SELECT coalesce(json_agg(json_build_object(
        'assessment_id', assessment_id, 'question_id', question_id, 'decision', status, 'reply', reply,
        'at', answered_at) ORDER BY answered_at, id), '[]') FROM appeals WHERE answered_by = $1),
    'idempotency_keys', (SELECT coalesce(json_agg(json_build_object(
        'path', path, 'key', key, 'created_at', created_at, 'expires_at', expires_at) ORDER BY created_at), '[]')
        FROM idempotency_keys WHERE owner = $1),
    'model_budget', (SELECT coalesce(json_agg(json_build_object('day', day, 'spent_usd', spent) ORDER BY day), '[]')
        FROM owner_budget WHERE owner = $1),
    'api_keys', (SELECT coalesce(json_agg(json_build_object(
        'key_id', id, 'name', name, 'created_at', created_at) ORDER BY created_at), '[]')
        FROM api_keys WHERE created_by = $1),
    'sessions', (SELECT coalesce(json_agg(json_build_object(
        'created_at', created_at, 'expires_at', expires_at) ORDER BY created_at), '[]')
        FROM sessions WHERE owner = $1),
    'reservations', (SELECT coalesce(json_agg(json_build_object(
        'assessment_id', assessment_id, 'question_id', question_id, 'reserved_until', reserved_until)), '[]')
        FROM review_reservations WHERE reserved_by = $1),
    'audit_log', (SELECT coalesce(json_agg(json_build_object(
        'at', at, 'action', action, 'entity', entity, 'key', split_part(key, E'\t', 1)) ORDER BY id), '[]')
        FROM audit_log WHERE actor = $1),
    'exported_by_staff', (SELECT coalesce(json_agg(at ORDER BY id), '[]')
        FROM audit_log WHERE action = 'export' AND entity = 'person' AND key = $1),
    'erasure_requested_at', (SELECT requested_at FROM erasures WHERE person = $1))::text AS person;

-- name: next_assessment
-- The person's next assessment after the id $2.
SELECT id FROM assessments WHERE owner = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT 1;

-- name: read_assessment
-- With $2, as staff may read it. Without, the person gets of it what the track shows to students: no raw answers of
-- models, which may repeat a model answer, and the points of single theoretical questions only where the track shows
-- them.
SELECT json_build_object(
    'assessment_id', a.id, 'track', t.slug, 'status', a.status, 'created_at', a.created_at,
    'expires_at', a.expires_at, 'submitted_at', a.submitted_at, 'completed_at', a.completed_at, 'run', a.run,
    'degraded_reasons', a.degraded_reasons, 'webhook_url', a.webhook_url,
    'questions', (SELECT coalesce(json_agg(json_build_object('question_id', question_id, 'version', version)
        ORDER BY position), '[]') FROM assessment_questions WHERE assessment_id = a.id),
    'responses', (SELECT coalesce(json_agg(json_build_object(
        'question_id', question_id, 'answer', answer, 'saved_at', saved_at) ORDER BY saved_at), '[]')
        FROM responses WHERE assessment_id = a.id),
    'scores', (SELECT coalesce(json_agg(json_build_object(
        'question_id', s.question_id, 'run', s.run, 'score_type', s.score_type,
        'score', CASE WHEN shown.answers OR s.score_type <> 'theoretical' THEN s.score END,
        'max_score', s.max_score, 'missing', s.missing, 'reason', s.reason,
        'correct', CASE WHEN shown.answers THEN s.correct END, 'scorer', s.scorer, 'model', s.model,
        'detail', CASE WHEN $2 THEN s.detail END) ORDER BY s.run, s.question_id), '[]')
        FROM scores s WHERE s.assessment_id = a.id),
    'overrides', (SELECT coalesce(json_agg(json_build_object(
        'question_id', o.question_id, 'score', o.score, 'reason', o.reason, 'at', o.created_at) ORDER BY o.id), '[]')
        FROM score_overrides o JOIN questions q ON q.id = o.question_id
        WHERE o.assessment_id = a.id AND (shown.answers OR q.type <> 'theoretical')),
    'appeals', (SELECT coalesce(json_agg(json_build_object(
        'question_id', question_id, 'text', text, 'created_at', created_at, 'status', status, 'reply', reply,
        'answered_at', answered_at) ORDER BY created_at, id), '[]') FROM appeals WHERE assessment_id = a.id),
    'results', (SELECT coalesce(json_agg(CASE WHEN $2 THEN r.body ELSE json_build_object(
        'overall', r.body -> 'overall', 'recommendations', r.body -> 'recommendations',
        'essays', (SELECT coalesce(json_agg(json_build_object(
            'question_id', line -> 'question_id', 'score', line -> 'score', 'max_score', line -> 'max_score',
            'dimensions', line -> 'dimensions')), '[]')
            FROM json_array_elements(r.body #> '{breakdown,essay,questions}') AS line)) END ORDER BY r.run), '[]')
        FROM results r WHERE r.assessment_id = a.id),
    'feedback', (SELECT coalesce(json_agg(json_build_object(
        'credential_id', credential_id, 'relevance', relevance, 'acceptance', acceptance, 'comment', comment,
        'given_at', given_at) ORDER BY id), '[]') FROM feedback WHERE assessment_id = a.id AND author = a.owner),
    'jobs', (SELECT coalesce(json_agg(json_build_object(
        'job_id', id, 'run', run, 'job_type', job_type, 'status', status, 'created_at', created_at,
        'completed_at', completed_at) ORDER BY run, job_type), '[]') FROM async_jobs WHERE assessment_id = a.id),
    'sent_to_models', (SELECT coalesce(json_agg(json_build_object(
        'at', created_at, 'provider', provider, 'model', model, 'question_id', question_id, 'outcome', outcome,
        'tokens_in', tokens_in, 'answer', CASE WHEN $2 THEN answer END) ORDER BY id), '[]')
        FROM model_calls WHERE assessment_id = a.id),
    'webhook_deliveries', (SELECT coalesce(json_agg(json_build_object(
        'delivery_id', id, 'event_type', event_type, 'status', status, 'created_at', created_at, 'body', body,
        'service_wide', subscription_id IS NOT NULL)
        ORDER BY created_at), '[]') FROM webhook_deliveries WHERE assessment_id = a.id))::text AS assessment
FROM assessments a JOIN tracks t ON t.id = a.track_id,
LATERAL (SELECT $2::boolean OR t.show_correct = 'always'
             OR t.show_correct = 'last_attempt' AND coalesce(a.attempt >= t.attempts, false) AS answers) AS shown
WHERE a.id = $1;
