-- Catalogues as they come: credentials for any level, in a language, with the id that their catalogue knows them by, and
-- without an address or a description; and other names of skills.

ALTER TABLE credentials ADD COLUMN external_id varchar(200) CHECK (external_id <> '');
-- Of active credentials only, so that one that was retired can come back as a new one.
CREATE UNIQUE INDEX credentials_external_id_key ON credentials (external_id) WHERE deleted_at IS NULL;

ALTER TABLE credential_versions
    ADD COLUMN language varchar(35),
    DROP CONSTRAINT credential_versions_level_check,
    ADD CONSTRAINT credential_versions_level_check CHECK (level IN ('beginner', 'intermediate', 'advanced', 'any'));

-- Tells a search whether there are any.
CREATE INDEX passage_vectors_any_level_idx ON passage_vectors (passage_id) WHERE level = 'any';

-- Where there is no description, the title is quoted.
CREATE OR REPLACE FUNCTION refuse_wrong_passage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.text IS DISTINCT FROM (
        SELECT substr(coalesce(nullif(v.description, ''), v.title), NEW.starts_at + 1, NEW.ends_at - NEW.starts_at)
        FROM credential_versions v WHERE v.credential_id = NEW.credential_id AND v.version = NEW.version
    ) THEN
        RAISE EXCEPTION 'a passage is not where it says in the description of its credential'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'passages_text_check', TABLE = 'passages';
    END IF;
    RETURN NEW;
END $$;

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

-- The list that a deployment has imported; while it is empty, the one that comes with the software counts.
CREATE TABLE skill_aliases (
    alias varchar(64) PRIMARY KEY CHECK (alias <> ''),
    skill varchar(64) NOT NULL CHECK (skill <> '')
);

ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_entity_check
        CHECK (entity IN ('track', 'question', 'credential', 'job', 'delivery', 'score', 'assessment', 'api_key',
                          'feedback', 'webhook', 'person', 'appeal', 'audit_log', 'embedding_space',
                          'skill_aliases'));
