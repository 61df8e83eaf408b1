ALTER TABLE webhook_deliveries DROP COLUMN redelivered_at, DROP COLUMN redeliveries;
