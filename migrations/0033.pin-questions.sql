-- Questions that are always drawn, and what a profile question is for. They are beside the body and not in it, because
-- servers of the version before read the body and refuse fields that they do not know.

-- Versions that exist are not pinned, and not changed to say so.
ALTER TABLE question_versions ADD COLUMN pinned boolean NOT NULL DEFAULT false, ADD COLUMN purpose varchar(20);
ALTER TABLE question_versions ALTER COLUMN pinned DROP DEFAULT;

-- A server of the version before writes a version without these columns; the version then keeps what the former has.
CREATE FUNCTION keep_question_marks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.pinned IS NULL THEN
        SELECT pinned, purpose INTO NEW.pinned, NEW.purpose FROM question_versions
        WHERE question_id = NEW.question_id AND version = NEW.version - 1;
        NEW.pinned := coalesce(NEW.pinned, false);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER question_versions_keep_marks BEFORE INSERT ON question_versions
    FOR EACH ROW EXECUTE FUNCTION keep_question_marks();

-- The whole question, as its author wrote it.
CREATE FUNCTION whole_question(v question_versions) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT v.body || jsonb_strip_nulls(jsonb_build_object('pinned', v.pinned, 'purpose', v.purpose))
$$;
