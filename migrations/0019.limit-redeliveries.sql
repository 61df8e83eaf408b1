-- Redeliveries of a message that were requested, and when the last one was.
ALTER TABLE webhook_deliveries
    ADD COLUMN redeliveries integer NOT NULL DEFAULT 0 CHECK (redeliveries >= 0),
    ADD COLUMN redelivered_at timestamptz;
