-- API keys, and their changes in the audit log.

CREATE TABLE api_keys (
    -- Part of the key and of the `sub` of its callers; no secret.
    id           uuid PRIMARY KEY,
    name         text NOT NULL CONSTRAINT api_keys_name_check CHECK (length(name) BETWEEN 1 AND 300),
    roles        text[] NOT NULL,
    -- SHA-256 of the whole key, which is stored nowhere.
    key_hash     bytea NOT NULL CONSTRAINT api_keys_hash_check CHECK (octet_length(key_hash) = 32),
    created_by   text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    -- A rotation gives the new key the same, and moves the end of the old one to that of the overlap.
    lifetime     interval NOT NULL CONSTRAINT api_keys_lifetime_check CHECK (lifetime > '0'),
    expires_at   timestamptz NOT NULL,
    -- At most a minute older than the last use.
    last_used_at timestamptz,
    -- The key of the newest rotation.
    replaced_by  uuid REFERENCES api_keys,
    revoked_at   timestamptz,
    CONSTRAINT api_keys_roles_check
        CHECK (cardinality(roles) > 0 AND roles <@ ARRAY['student', 'advisor', 'author', 'admin'])
);
CREATE INDEX api_keys_newest_idx ON api_keys (created_at DESC, id DESC);

ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_action_check,
    DROP CONSTRAINT audit_log_entity_check,
    ADD CONSTRAINT audit_log_action_check
        CHECK (action IN ('create', 'update', 'delete', 'retry', 'override', 'rescore', 'restore', 'rotate', 'revoke')),
    ADD CONSTRAINT audit_log_entity_check
        CHECK (entity IN ('track', 'question', 'credential', 'job', 'delivery', 'score', 'assessment', 'api_key'));
