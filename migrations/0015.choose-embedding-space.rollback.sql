ALTER TABLE model_calls DROP CONSTRAINT model_calls_place_check;
DELETE FROM model_calls WHERE assessment_id IS NULL;
ALTER TABLE model_calls
    ALTER COLUMN cost_usd TYPE numeric(12, 6),
    ALTER COLUMN assessment_id SET NOT NULL,
    ALTER COLUMN run SET NOT NULL;
DROP TABLE embedding_space;
