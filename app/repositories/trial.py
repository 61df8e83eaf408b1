"""A catalogue of a session's own, in place of the real one."""

from app.repositories.sql import Connection, statements

_SQL = statements("trial")


async def own_catalogue(conn: Connection) -> None:
    """From now on this connection has an empty catalogue of its own, until it closes; the real one stays as it is.

    Raises:
        asyncpg.UndefinedTableError: the database is not migrated.
    """
    for name in ("own_credentials", "own_versions", "own_passages", "own_vectors"):
        await conn.execute(_SQL[name])
