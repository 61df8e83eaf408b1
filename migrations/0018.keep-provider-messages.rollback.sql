DROP TABLE model_call_counts;
ALTER TABLE model_calls DROP COLUMN provider_message;
