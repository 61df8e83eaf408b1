-- The answers of requests that carried an Idempotency-Key, stored in the transaction of their work.
-- The primary key, not a look before the write, decides which of several requests did it.

CREATE TABLE idempotency_keys (
    owner       text NOT NULL,
    path        text NOT NULL,
    key         varchar(255) NOT NULL,
    fingerprint bytea NOT NULL,
    status      smallint NOT NULL CHECK (status BETWEEN 200 AND 299),
    location    text,
    body        bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_once_key PRIMARY KEY (owner, path, key)
);
CREATE INDEX idempotency_keys_expiry_idx ON idempotency_keys (expires_at);
