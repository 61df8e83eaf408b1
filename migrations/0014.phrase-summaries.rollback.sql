DELETE FROM model_calls WHERE question_id IS NULL;
ALTER TABLE model_calls ALTER COLUMN question_id SET NOT NULL;
