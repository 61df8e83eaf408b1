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
$$;
