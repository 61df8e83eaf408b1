DROP TABLE audit_log;
DROP TABLE question_versions;
DROP FUNCTION refuse_change();
DROP TABLE questions;
DROP TABLE tracks;
