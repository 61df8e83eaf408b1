-- Results keep the plain sentences of their summaries: a model no longer rewords them. The plain sentence takes the place
-- of the reworded one. Names and numbers of the rest stay as they were written, in their order.
UPDATE results SET body = (
    SELECT json_object_agg(field.key, CASE WHEN field.key = 'summary' THEN (
        SELECT json_agg(json_build_object('text', coalesce(sentence.value #> '{phrased,plain}', sentence.value -> 'text'),
                                          'sources', sentence.value -> 'sources') ORDER BY sentence.ordinality)
        FROM json_array_elements(field.value) WITH ORDINALITY AS sentence
    ) ELSE field.value END ORDER BY field.ordinality)
    FROM json_each(body) WITH ORDINALITY AS field
)
WHERE EXISTS (SELECT FROM json_array_elements(body -> 'summary') AS sentence
              WHERE sentence.value #> '{phrased,plain}' IS NOT NULL);
