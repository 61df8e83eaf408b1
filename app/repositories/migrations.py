"""Applying database migrations, by any number of processes at once, and listing those that are applied."""

import os
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from app.database_url import DatabaseUrl, parse_database_url
from app.repositories.database_facts import find_lacks, read_database_facts_with_psycopg
from app.repositories.sql import Executor, Pool, statements

if TYPE_CHECKING:
    import psycopg

_SQL = statements("migrations")
MIGRATIONS = Path(__file__).parents[2] / "migrations"
# The advisory lock of the process that migrates, while others wait; the number is arbitrary. Older versions take the
# same one for a session.
_LOCK = 7_046_029_254_386_353_087
# Long enough for the migrations of another process, short enough that a stuck one is noticed.
_LOCK_SECONDS = 120.0
_LOCK_PAUSES = (0.1, 0.3)
_LOCK_HOLDER = """
SELECT a.application_name, a.pid, host(a.client_addr), to_char(a.xact_start, 'HH24:MI:SS TZ')
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (l.classid::bigint << 32 | l.objid::bigint) = %s
"""


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


def migrate(
    database_url: str, lock_seconds: float = _LOCK_SECONDS, report: Callable[[str], None] = lambda line: None
) -> int:
    """Applies the missing migrations; returns how many. Reports whom it waits for, for at most `lock_seconds`.

    Raises:
        MigrationFailed: Postgres is unavailable or lacks what is needed, another process migrates for too long, or a
            migration fails.
    """
    import psycopg

    url = parse_database_url(database_url)
    try:
        with _connect(url) as connection:
            if not _pending(connection):
                return 0
            if lacks := list(find_lacks(read_database_facts_with_psycopg(connection))):
                raise MigrationFailed("; ".join(map(str, lacks)))
            with _lock(connection, lock_seconds, report):
                return _apply(url)
    except psycopg.errors.InsufficientPrivilege as error:
        raise MigrationFailed(f"{_first_line(error)}; migrate as the user who owns the tables") from error
    except psycopg.Error as error:
        raise MigrationFailed(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    """The others may contain the statement."""
    return str(error).strip().splitlines()[0]


def _connect(url: DatabaseUrl) -> "psycopg.Connection[Any]":
    """A connection that also works through a pooler: it prepares no statements, and sets nothing for its session."""
    import psycopg

    name = f"assay migrate, process {os.getpid()} on {socket.gethostname()}"
    # The encoding is that of the statements; without it, a database without one would answer in bytes.
    options = {"application_name": name, "client_encoding": "utf8"} | url.for_libpq()
    return psycopg.connect(**options, autocommit=True, prepare_threshold=None)


def _pending(connection: "psycopg.Connection[Any]") -> bool:
    row = connection.execute("SELECT to_regclass('_yoyo_migration') IS NOT NULL").fetchone()
    if row != (True,):
        return True
    return not known_migrations() <= {row[0] for row in connection.execute(_SQL["applied_migrations"].encode())}


def _apply(url: DatabaseUrl) -> int:
    """Breaks yoyo's own lock before taking it: a process killed in the middle leaves it behind, and it would stop every
    later run. Processes are kept apart by an advisory lock of Postgres instead."""
    from yoyo import read_migrations

    backend = open_backend(url)
    try:
        backend.break_lock()
        with backend.lock():
            pending = backend.to_apply(read_migrations(str(MIGRATIONS)))
            backend.apply_migrations(pending)
            return len(pending)
    finally:
        backend.connection.close()


def open_backend(url: DatabaseUrl) -> Any:
    """What yoyo changes the schema with. Its own reader of URLs would understand others than the service does."""
    from yoyo import default_migration_table
    from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend

    class Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo has no types
        def connect(self, dburi: DatabaseUrl) -> "psycopg.Connection[Any]":
            return _connect(dburi)

    backend = Backend(url, default_migration_table)
    backend.init_database()
    return backend


@contextmanager
def _lock(connection: "psycopg.Connection[Any]", seconds: float, report: Callable[[str], None]) -> Iterator[None]:
    """Belongs to a transaction, not to a session: behind a pooler, a session outlives the process that used it. While
    it waits, no transaction is open, so that waiting processes need no session of the pooler."""
    deadline = time.monotonic() + seconds
    reported = False
    while (holder := _try_lock(connection)) is not None:
        if time.monotonic() >= deadline:
            raise MigrationFailed(f"{holder} has kept the database locked for migrations for over {seconds:g} s")
        if not reported:
            report(f"waiting for at most {seconds:g} s: {holder} migrates the database")
            reported = True
        time.sleep(random.uniform(*_LOCK_PAUSES))  # noqa: S311  # no secret
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def _try_lock(connection: "psycopg.Connection[Any]") -> str | None:
    """Begins a transaction that has the lock; or ends it and returns who has the lock."""
    connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
    if connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,)).fetchone() == (True,):
        return None
    holder = connection.execute(_LOCK_HOLDER, (_LOCK,)).fetchone()
    connection.execute("ROLLBACK")
    if holder is None:
        return "another process"
    name, pid, address, since = holder
    return f"{name or 'a session'} (Postgres process {pid}, from {address or 'this machine'}, since {since})"
