"""Named statements out of `queries/*.sql`, and what runs them."""

import re
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

# A pool runs a single statement on a connection of its own choice; a transaction needs one connection.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]"
Executor: TypeAlias = "Pool | Connection"

# Postgres is unavailable, starting, stopping, overloaded, not migrated, or refuses the password: not the caller's fault, and likely to pass.
DATABASE_UNAVAILABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # What asyncpg says when Postgres ended a connection in the very moment of its use.
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    # Not any OSError: a missing file is a fault of our own, and trying again for ever would not mend it.
    ConnectionError,
    TimeoutError,
)

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
