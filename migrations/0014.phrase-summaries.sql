-- A call of a model may be about the whole result: then it has no question.
ALTER TABLE model_calls ALTER COLUMN question_id DROP NOT NULL;
