-- name: applied_migrations
-- The migrations that yoyo has applied.
SELECT migration_id FROM _yoyo_migration;

-- name: is_read_only
SELECT current_setting('transaction_read_only') = 'on';
