-- A call of a model may be about no single question.
ALTER TABLE model_calls ALTER COLUMN question_id DROP NOT NULL;
