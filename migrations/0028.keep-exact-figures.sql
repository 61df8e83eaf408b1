-- Exact figures behind a local estimate, of which students read coarse steps only. Unknown for older scores.
ALTER TABLE scores ADD COLUMN figures jsonb;
