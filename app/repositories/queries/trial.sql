-- A catalogue of the session's own, for trials: temporary tables stand before the real ones of the same names, so the
-- product's statements find them instead, and the real catalogue is neither read nor changed.

-- name: own_credentials
CREATE TEMP TABLE credentials (LIKE credentials INCLUDING ALL);

-- name: own_versions
CREATE TEMP TABLE credential_versions (LIKE credential_versions INCLUDING ALL);

-- name: own_passages
CREATE TEMP TABLE passages (LIKE passages INCLUDING ALL);

-- name: own_vectors
CREATE TEMP TABLE passage_vectors (LIKE passage_vectors INCLUDING ALL);
