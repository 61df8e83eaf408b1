-- Replies to requests with an Idempotency-Key, stored in the transaction of the request. Of several requests with a
-- key, the primary key decides which one is carried out.

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
