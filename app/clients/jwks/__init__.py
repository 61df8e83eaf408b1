"""Public keys of an identity provider: a JWK set (RFC 7517), fetched, read and kept up to date."""
