-- The constraints of the version before would refuse these rows.
DELETE FROM audit_log WHERE entity = 'skill_aliases';
ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_entity_check
        CHECK (entity IN ('track', 'question', 'credential', 'job', 'delivery', 'score', 'assessment', 'api_key',
                          'feedback', 'webhook', 'person', 'appeal', 'audit_log', 'embedding_space'));

DROP TABLE skill_aliases;

CREATE OR REPLACE FUNCTION quotes_of(assessment uuid, result json)
    RETURNS TABLE (quote text, starts_at int, ends_at int, text text) LANGUAGE sql STABLE AS $$
    SELECT q.quote, q.start, q."end", a.answer #>> '{}'
    FROM json_array_elements(result #> '{breakdown,essay,questions}') AS essay
    CROSS JOIN json_each(CASE WHEN json_typeof(essay -> 'dimensions') = 'object' THEN essay -> 'dimensions'
                         ELSE '{}' END) AS dimension
    CROSS JOIN json_to_recordset(dimension.value -> 'evidence') AS q(quote text, start int, "end" int)
    LEFT JOIN responses a ON a.assessment_id = assessment AND a.question_id = (essay ->> 'question_id')::uuid
    UNION ALL
    SELECT q.quote, q.start, q."end", v.description
    FROM json_array_elements(result -> 'recommendations') AS recommendation
    CROSS JOIN json_to_recordset(recommendation -> 'sources')
        AS q(quote text, start int, "end" int, credential_version int)
    LEFT JOIN credential_versions v
        ON v.credential_id = (recommendation ->> 'credential_id')::uuid AND v.version = q.credential_version
$$;

CREATE OR REPLACE FUNCTION refuse_wrong_passage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.text IS DISTINCT FROM (
        SELECT substr(v.description, NEW.starts_at + 1, NEW.ends_at - NEW.starts_at) FROM credential_versions v
        WHERE v.credential_id = NEW.credential_id AND v.version = NEW.version
    ) THEN
        RAISE EXCEPTION 'a passage is not where it says in the description of its credential'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'passages_text_check', TABLE = 'passages';
    END IF;
    RETURN NEW;
END $$;

ALTER TABLE credential_versions DISABLE TRIGGER credential_versions_never_change;
UPDATE credential_versions SET level = 'beginner' WHERE level = 'any';
ALTER TABLE credential_versions ENABLE TRIGGER credential_versions_never_change;
ALTER TABLE credential_versions
    DROP COLUMN language,
    DROP CONSTRAINT credential_versions_level_check,
    ADD CONSTRAINT credential_versions_level_check CHECK (level IN ('beginner', 'intermediate', 'advanced'));
UPDATE passages SET level = 'beginner' WHERE level = 'any';
UPDATE passage_vectors SET level = 'beginner' WHERE level = 'any';

DROP INDEX credentials_external_id_key, passage_vectors_any_level_idx;
ALTER TABLE credentials DROP COLUMN external_id;
