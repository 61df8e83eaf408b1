DROP FUNCTION whole_question(question_versions);
DROP TRIGGER question_versions_keep_marks ON question_versions;
DROP FUNCTION keep_question_marks();
ALTER TABLE question_versions DROP COLUMN pinned, DROP COLUMN purpose;
