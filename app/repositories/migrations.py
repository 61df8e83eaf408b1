"""Applying database migrations, by any number of processes at once, and listing those that are applied."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import asyncpg

from app.repositories.sql import Executor, Pool, statements

_SQL = statements("migrations")
MIGRATIONS = Path(__file__).parents[2] / "migrations"
# The advisory lock of the process that migrates, while others wait; the number is arbitrary.
_LOCK = 7_046_029_254_386_353_087
# Long enough for the migrations of another process, short enough that a stuck one is noticed.
_LOCK_WAIT = "120s"


class MigrationFailed(Exception):
    """The schema could not be brought up to date; the message says why."""


@cache
def known_migrations() -> frozenset[str]:
    """The ids of the migrations that this version needs."""
    names = (path.name.removesuffix(".sql") for path in MIGRATIONS.glob("*.sql"))
    return frozenset(name for name in names if not name.endswith(".rollback"))


async def applied_migrations(db: Executor) -> set[str]:
    """The ids of the migrations that were applied; empty in a database that was never migrated."""
    try:
        return {row["migration_id"] for row in await db.fetch(_SQL["applied_migrations"])}
    except asyncpg.UndefinedTableError:
        return set()


async def is_read_only(pool: Pool) -> bool:
    """Whether nothing can be written at present. Sessions stay read-only after the database has recovered, so that they
    are replaced and one of the new ones decides."""
    if not await pool.fetchval(_SQL["is_read_only"]):
        return False
    await pool.expire_connections()
    return bool(await pool.fetchval(_SQL["is_read_only"]))


def migrate(database_url: str) -> int:
    """Applies the missing migrations; returns how many.

    Raises:
        MigrationFailed: Postgres is unavailable, or a migration fails.
    """
    import psycopg

    try:
        return _migrate(database_url)
    except psycopg.Error as error:
        # Only the first line, because the others may contain the statement.
        raise MigrationFailed(str(error).strip().splitlines()[0]) from error


def _migrate(database_url: str) -> int:
    """Breaks yoyo's own lock before taking it: a process killed in the middle leaves it behind, and it would stop every
    later run. Processes are kept apart by an advisory lock of Postgres instead, which ends with its connection."""
    from yoyo import get_backend, read_migrations

    with _lock(database_url):
        backend = get_backend(_with_driver(database_url))
        try:
            backend.break_lock()
            with backend.lock():
                pending = backend.to_apply(read_migrations(str(MIGRATIONS)))
                backend.apply_migrations(pending)
                return len(pending)
        finally:
            backend.connection.close()


@contextmanager
def _lock(database_url: str) -> Iterator[None]:
    import psycopg

    with psycopg.connect(database_url, autocommit=True, connect_timeout=10) as connection:
        connection.execute(f"SET lock_timeout = '{_LOCK_WAIT}'")
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        yield


def _with_driver(database_url: str) -> str:
    """The URL with the scheme by which yoyo chooses psycopg 3."""
    return "postgresql+psycopg://" + database_url.split("://", 1)[1]
