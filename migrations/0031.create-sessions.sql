-- Sessions of people who use the pages in a browser.

CREATE TABLE sessions (
    -- SHA-256 of the id in the browser's cookie.
    id_hash    bytea PRIMARY KEY,
    owner      text NOT NULL,
    roles      text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_owner_idx ON sessions (owner, created_at);
CREATE INDEX sessions_expiry_idx ON sessions (expires_at);
