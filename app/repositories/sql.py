"""Named statements out of `queries/*.sql`, what runs them, and what asyncpg's errors mean."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from app.domain.errors import CallerError, ExternalIdTaken, KeyInFlight, SlugTaken

# A pool runs a statement on any of its connections; a transaction needs one connection.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]"
Executor: TypeAlias = "Pool | Connection"

# The database has not the schema of this version.
NOT_MIGRATED = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError)
# A pooler gives each transaction another session, although DATABASE_POOLER is `session`.
MIXED_SESSIONS = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)
# The password, the user or a right of the user.
DATABASE_REFUSES_USER = (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidAuthorizationSpecificationError)
# Postgres is unavailable, starting, stopping, overloaded, too slow, read-only or not migrated, or refuses the password
# or a right; or a pooler has mixed up the sessions. The request is not at fault, and a later try may succeed.
DATABASE_UNAVAILABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # Raised where Postgres ended a connection while it was being used.
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    # Limits of time that the database or the role has.
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    *DATABASE_REFUSES_USER,
    *MIXED_SESSIONS,
    *NOT_MIGRATED,
    asyncpg.InvalidCatalogNameError,
    # Not every OSError: a missing file is an error of our own, and would never pass.
    ConnectionError,
    TimeoutError,
)

# Unique constraints whose violation is a caller's error, in whichever statement it happens.
_CALLER_ERRORS: dict[str | None, Callable[[], CallerError]] = {
    "tracks_slug_key": SlugTaken,
    "credentials_external_id_key": ExternalIdTaken,
    "idempotency_keys_once_key": KeyInFlight,
}

_QUERIES = Path(__file__).parent / "queries"
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def statements(module: str) -> dict[str, str]:
    """The statements of `queries/{module}.sql` by name."""
    parts = _NAME.split((_QUERIES / f"{module}.sql").read_text("utf-8"))
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


def modules() -> tuple[str, ...]:
    """The names of all files of statements."""
    return tuple(sorted(path.stem for path in _QUERIES.glob("*.sql")))


def affected(tag: Any) -> int:
    """The number of rows in a command tag such as `UPDATE 3`."""
    return int(str(tag).rsplit(" ", 1)[-1])


@contextmanager
def caller_errors() -> Iterator[None]:
    """Turns violations of unique constraints into the caller's errors that they mean.

    Raises:
        SlugTaken, ExternalIdTaken, KeyInFlight.
    """
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name not in _CALLER_ERRORS:
            raise
        raise _CALLER_ERRORS[error.constraint_name]() from error


@asynccontextmanager
async def connection(db: Executor) -> AsyncIterator[Connection]:
    """One connection for several statements: this one, or one of this pool."""
    if isinstance(db, asyncpg.Pool):
        async with db.acquire() as conn:
            yield conn
    else:
        yield db
