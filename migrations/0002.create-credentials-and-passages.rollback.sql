DROP TABLE passages;
DROP TABLE credential_versions;
DROP TABLE credentials;
DROP EXTENSION vector;
