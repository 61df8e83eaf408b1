-- Triggers check that every quote is in the text that it refers to: substr(text, start + 1, end - start) = quote.
-- Offsets count code points, as substr does in a UTF8 database.

DO $$
BEGIN
    IF pg_encoding_to_char((SELECT encoding FROM pg_database WHERE datname = current_database())) <> 'UTF8' THEN
        RAISE EXCEPTION 'this database is not in UTF8: create it anew with ENCODING ''UTF8'', then migrate again';
    END IF;
END $$;

CREATE FUNCTION refuse_wrong_passage() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE TRIGGER passages_are_cut_out BEFORE INSERT OR UPDATE OF text, starts_at, ends_at, credential_id, version
    ON passages FOR EACH ROW EXECUTE FUNCTION refuse_wrong_passage();

-- The quotes of a result with the texts that they refer to: the saved answer for an essay, the description of the
-- version of the credential for a recommendation.
CREATE FUNCTION quotes_of(assessment uuid, result json)
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

CREATE FUNCTION refuse_wrong_quotes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM quotes_of(NEW.assessment_id, NEW.body) AS q
        -- The length too: substr stops where the text ends.
        WHERE (q.quote <> '' AND q.starts_at >= 0 AND char_length(q.quote) = q.ends_at - q.starts_at
               AND substr(q.text, q.starts_at + 1, q.ends_at - q.starts_at) = q.quote) IS NOT TRUE
    ) THEN
        RAISE EXCEPTION 'a quote of the result is not where it says in the text that it names'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'results_quotes_check', TABLE = 'results';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER results_quote_what_stands_there BEFORE INSERT OR UPDATE OF body
    ON results FOR EACH ROW EXECUTE FUNCTION refuse_wrong_quotes();
