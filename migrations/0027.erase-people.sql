-- Erasing people: the work, the receipts, and the one way in which lines of the audit log change.

CREATE TABLE erasures (
    id           uuid PRIMARY KEY,
    status       varchar(20) NOT NULL DEFAULT 'pending',
    -- The principal, and a key for their pseudonym; both are forgotten when the erasure is complete.
    person       text,
    person_key   bytea,
    -- Rows that were deleted or made anonymous, by table.
    counts       jsonb NOT NULL DEFAULT '{}',
    requested_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    CONSTRAINT erasures_status_check CHECK (status IN ('pending', 'completed')),
    CONSTRAINT erasures_person_check
        CHECK ((person IS NULL) = (status = 'completed') AND (person_key IS NULL) = (status = 'completed')),
    CONSTRAINT erasures_completed_at_check CHECK ((completed_at IS NOT NULL) = (status = 'completed'))
);
CREATE UNIQUE INDEX erasures_once_key ON erasures (person) WHERE person IS NOT NULL;
CREATE INDEX erasures_pending_idx ON erasures (requested_at) WHERE status = 'pending';

-- What models were sent for people who were erased: nothing of it says for whom.
CREATE TABLE erasure_model_calls (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    erasure_id     uuid NOT NULL REFERENCES erasures,
    at             timestamptz NOT NULL,
    provider       text NOT NULL,
    model          text NOT NULL,
    prompt_version text NOT NULL,
    outcome        varchar(40) NOT NULL,
    tokens_in      integer NOT NULL
);
CREATE INDEX erasure_model_calls_idx ON erasure_model_calls (erasure_id, id);

CREATE INDEX audit_log_actor_idx ON audit_log (actor);
-- Of keys such as `assessment/question`, the assessment.
CREATE INDEX audit_log_thing_idx ON audit_log (split_part(key, '/', 1));
-- Of paths such as `/assessments/{id}/submit`, the id.
CREATE INDEX idempotency_keys_thing_idx ON idempotency_keys (split_part(path, '/', 3));
CREATE INDEX assessments_oldest_idx ON assessments (created_at);

-- Takes a person out of the audit log. It belongs to the owner of the log and runs with the owner's rights, because the
-- role of the service has no right to change lines: with this function it can replace a name, the key of a thing and
-- what the thing was, but never what was done when, nor remove a line.
CREATE FUNCTION forget_things_in_audit_log(things text[], pseudonym text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE changed integer;
BEGIN
    UPDATE audit_log SET key = pseudonym, after = NULL WHERE split_part(key, '/', 1) = ANY(things);
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END $$;

CREATE FUNCTION forget_person_in_audit_log(person text, pseudonym text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE changed integer; more integer;
BEGIN
    UPDATE audit_log
    SET actor = pseudonym,
        after = CASE WHEN after ? 'by' THEN jsonb_set(after, '{by}', to_jsonb(pseudonym)) ELSE after END
    WHERE actor = person;
    GET DIAGNOSTICS changed = ROW_COUNT;
    UPDATE audit_log SET after = jsonb_set(after, '{created_by}', to_jsonb(pseudonym))
    WHERE entity = 'api_key' AND after ->> 'created_by' = person;
    GET DIAGNOSTICS more = ROW_COUNT;
    changed := changed + more;
    UPDATE audit_log SET key = pseudonym WHERE entity = 'person' AND key = person;
    GET DIAGNOSTICS more = ROW_COUNT;
    RETURN changed + more;
END $$;

-- Or callers could put tables of their own in the place of ours.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION forget_things_in_audit_log(text[], text) SET search_path = %I, pg_temp',
                   current_schema());
    EXECUTE format('ALTER FUNCTION forget_person_in_audit_log(text, text) SET search_path = %I, pg_temp',
                   current_schema());
END $$;
