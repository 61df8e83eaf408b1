-- name: applied_migrations
-- The migrations that yoyo has applied.
SELECT migration_id FROM _yoyo_migration;
