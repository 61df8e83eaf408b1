-- What a recommendation quotes of the student is in their answer, or in the text of the option that it names.
CREATE OR REPLACE FUNCTION quotes_of(assessment uuid, result json)
    RETURNS TABLE (quote text, starts_at int, ends_at int, text text) LANGUAGE sql STABLE AS $$
    SELECT q.quote, q.start, q."end", a.answer #>> '{}'
    FROM json_array_elements(result #> '{breakdown,essay,questions}') AS essay
    CROSS JOIN json_each(CASE WHEN json_typeof(essay -> 'dimensions') = 'object' THEN essay -> 'dimensions'
                         ELSE '{}' END) AS dimension
    CROSS JOIN json_to_recordset(dimension.value -> 'evidence') AS q(quote text, start int, "end" int)
    LEFT JOIN responses a ON a.assessment_id = assessment AND a.question_id = (essay ->> 'question_id')::uuid
    UNION ALL
    SELECT q.quote, q.start, q."end", coalesce(nullif(v.description, ''), v.title)
    FROM json_array_elements(result -> 'recommendations') AS recommendation
    CROSS JOIN json_to_recordset(recommendation -> 'sources')
        AS q(quote text, start int, "end" int, credential_version int)
    LEFT JOIN credential_versions v
        ON v.credential_id = (recommendation ->> 'credential_id')::uuid AND v.version = q.credential_version
    UNION ALL
    SELECT q.quote, q.start, q."end", CASE WHEN q.option_id IS NULL THEN a.answer #>> '{}' ELSE (
        SELECT option ->> 'text' FROM assessment_questions g
        JOIN question_versions v ON v.question_id = g.question_id AND v.version = g.version
        CROSS JOIN jsonb_array_elements(v.body -> 'options') AS option
        WHERE g.assessment_id = assessment AND g.question_id = q.question_id AND option ->> 'id' = q.option_id
    ) END
    FROM json_array_elements(result -> 'recommendations') AS recommendation
    CROSS JOIN json_to_recordset(coalesce(recommendation -> 'answers', '[]'))
        AS q(quote text, start int, "end" int, question_id uuid, option_id text)
    LEFT JOIN responses a ON a.assessment_id = assessment AND a.question_id = q.question_id
$$;
