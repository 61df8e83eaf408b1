"""What the readiness check asks of Postgres."""

import asyncpg

from app.repositories.sql import Executor, statements

_SQL = statements("health")


class NeverMigrated(Exception):
    """The database has no table of ours."""


async def applied_migrations(db: Executor) -> set[str]:
    """Ids of the migrations that were applied.

    Raises:
        NeverMigrated: none was, ever.
    """
    try:
        return {row["migration_id"] for row in await db.fetch(_SQL["applied_migrations"])}
    except asyncpg.UndefinedTableError as error:
        raise NeverMigrated from error
