-- name: position
-- Which database this is, and how far its log of changes has been written, or replayed on a standby.
SELECT (SELECT system_identifier FROM pg_control_system()) AS cluster, current_database()::text AS database,
       pg_is_in_recovery() AS is_standby,
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
                       '0/0')::bigint AS written;
