-- name: database_facts
-- The server, the database and the rights of the role, as far as they matter to this service.
SELECT current_setting('server_version') AS version,
       current_setting('server_version_num')::int AS version_number,
       current_setting('server_encoding') AS encoding,
       pg_is_in_recovery() AS is_standby,
       current_setting('transaction_read_only') = 'on' AS is_read_only,
       quote_ident(current_user) AS role,
       quote_ident(current_database()) AS database,
       quote_ident(current_schema()) AS schema,
       (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS vector_version,
       (SELECT quote_ident(nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
        WHERE extname = 'vector') AS vector_schema,
       to_regtype('vector') IS NOT NULL AS finds_vector,
       (SELECT default_version FROM pg_available_extensions WHERE name = 'vector') AS available_vector,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
           OR (has_database_privilege(current_database(), 'CREATE')
               AND EXISTS (SELECT FROM pg_available_extension_versions
                           WHERE name = 'vector' AND (trusted OR NOT superuser)))
           AS may_create_extension,
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create_tables,
       -- Of yoyo's own tables, the service only reads the one with the applied migrations.
       ARRAY(SELECT quote_ident(relname) FROM pg_class
             WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
                 AND relkind IN ('r', 'p') AND (relname !~ 'yoyo' OR relname = '_yoyo_migration')
                 AND NOT (has_table_privilege(oid, 'SELECT') AND (
                     relname = '_yoyo_migration' OR (has_table_privilege(oid, 'INSERT')
                         AND (relname = 'audit_log' OR (
                             has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))))))
             ORDER BY relname) AS refused_tables,
       -- What is reserved for superusers and the like is not for this role.
       (SELECT least(
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                - coalesce(current_setting('reserved_connections', true)::int, 0),
            (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
            (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())))
           AS max_connections;

-- name: backend_pid
-- The process of this session.
SELECT pg_backend_pid();

-- name: lock
-- Until the transaction ends, for `try_lock`.
SELECT pg_advisory_xact_lock($1);

-- name: try_lock
-- Whether nobody in this database has the lock.
SELECT pg_try_advisory_xact_lock($1);
