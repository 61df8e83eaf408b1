"""What Assay needs of a database, checked before the first change, each with what to do where it is missing."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

_OLDEST = 140_000
_CHECK = """
SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),
       current_setting('transaction_read_only') = 'on',
       quote_ident(current_user), quote_ident(current_database()), quote_ident(current_schema()),
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
       EXISTS (SELECT FROM pg_extension WHERE extname = 'vector'),
       EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector'),
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
           OR (has_database_privilege(current_database(), 'CREATE')
               AND EXISTS (SELECT FROM pg_available_extension_versions
                           WHERE name = 'vector' AND (trusted OR NOT superuser)))
"""


def missing_requirements(connection: "psycopg.Connection[Any]") -> list[str]:
    """What keeps `assay migrate` from creating or changing the schema; each a line that says what to do."""
    row = connection.execute(_CHECK).fetchone()
    # Without an encoding there is only bytes.
    values: list[Any] = [value.decode() if isinstance(value, bytes) else value for value in row or ()]
    version, encoding, read_only, user, database, schema, may_create, installed, available, may_install = values
    lines = []
    if version < _OLDEST:
        lines.append(f"PostgreSQL {version // 10_000} is too old: 14 or newer is needed")
    if encoding != "UTF8":
        lines.append(
            f"the encoding of database {database} is {encoding}: create another one with "
            "`CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0`"
        )
    if read_only:
        lines.append("the database is read-only: connect to the primary, or end default_transaction_read_only")
    if schema is None:
        lines.append(f"no schema of the search_path exists: run `CREATE SCHEMA public AUTHORIZATION {user}`")
    elif not may_create:
        lines.append(f"{user} may not create tables: run `GRANT CREATE ON SCHEMA {schema} TO {user}` as their owner")
    return lines + ([] if installed else _missing_extension(available, may_install, user, database))


def _missing_extension(available: bool, may_install: bool, user: str, database: str) -> list[str]:
    if not available:
        return ["the server has no extension vector: install pgvector on it (https://github.com/pgvector/pgvector)"]
    if may_install:
        return []
    return [f"{user} may not install the extension vector: run `CREATE EXTENSION vector` in {database} as a superuser"]
