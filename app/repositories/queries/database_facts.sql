-- name: database_facts
-- The server, the database and the rights of the role, as far as they matter to this service.
SELECT current_setting('server_version') AS version,
       current_setting('server_version_num')::int AS version_number,
       current_setting('server_encoding') AS encoding,
       pg_is_in_recovery() AS is_standby,
       current_setting('transaction_read_only') = 'on' AS is_read_only,
       pg_backend_pid() AS backend_pid,
       current_user::text AS role,
       (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS vector_version,
       (SELECT default_version FROM pg_available_extensions WHERE name = 'vector') AS available_vector,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
           OR (has_database_privilege(current_database(), 'CREATE')
               AND EXISTS (SELECT FROM pg_available_extension_versions
                           WHERE name = 'vector' AND (trusted OR NOT superuser)))
           AS may_create_extension,
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create_tables,
       ARRAY(SELECT relname::text FROM pg_class
             WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
                 AND relkind IN ('r', 'p')
                 AND NOT (has_table_privilege(oid, 'SELECT') AND (
                     relname ~ '^_?yoyo' OR (has_table_privilege(oid, 'INSERT')
                         AND (relname = 'audit_log' OR (
                             has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))))))
             ORDER BY relname) AS refused_tables;
