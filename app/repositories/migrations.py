"""Applying the migrations, whoever else tries at the same time."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

MIGRATIONS = Path(__file__).parents[2] / "migrations"
# Any number that no one else uses: the lock that lets one starter migrate and the others wait.
_LOCK = 7_046_029_254_386_353_087
# Long enough for another starter's migrations, short enough that a stuck one is noticed.
_LOCK_WAIT = "120s"


class MigrationFailed(Exception):
    """The schema could not be brought up to date; the message says why."""


@cache
def known_migrations() -> frozenset[str]:
    """The ids of the migrations of this version."""
    names = (path.name.removesuffix(".sql") for path in MIGRATIONS.glob("*.sql"))
    return frozenset(name for name in names if not name.endswith(".rollback"))


def migrate(database_url: str) -> int:
    """Applies what is not applied yet; returns how many.

    Raises:
        MigrationFailed: Postgres is away, or a migration does not go through.
    """
    import psycopg

    try:
        return _migrate(database_url)
    except psycopg.Error as error:
        # Only the first line: what follows may be a statement.
        raise MigrationFailed(str(error).strip().splitlines()[0]) from error


def _migrate(database_url: str) -> int:
    """Applies what is not applied yet.

    A process killed in the middle leaves yoyo's own lock behind, which would stop every later run. So the lock that
    counts is Postgres' (it ends with its connection), and yoyo's is broken before it is taken.
    """
    from yoyo import get_backend, read_migrations

    with _alone(database_url):
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
def _alone(database_url: str) -> Iterator[None]:
    import psycopg

    with psycopg.connect(database_url, autocommit=True, connect_timeout=10) as connection:
        connection.execute(f"SET lock_timeout = '{_LOCK_WAIT}'")
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        yield


def _with_driver(database_url: str) -> str:
    """yoyo chooses its driver by the scheme; `postgresql+psycopg` is psycopg 3."""
    return "postgresql+psycopg://" + database_url.split("://", 1)[1]
