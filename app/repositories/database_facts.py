"""What is true of the database, and what it lacks: for `assay migrate` and `assay doctor`."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from app.repositories.sql import Executor, Pool, statements

if TYPE_CHECKING:
    import psycopg

_SQL = statements("database_facts")
_OLDEST_VERSION = 14
# Another client of a busy pooler may take the session in between.
_TRIES = 5
_POOLER_SECONDS = 3.0


class Pooler(StrEnum):
    """What is between the clients and the server."""

    NONE = "none"
    # Perhaps one that keeps a session for each connection.
    FOUND = "found"
    MIXES_SESSIONS = "mixes sessions"


@dataclass(frozen=True)
class DatabaseFacts:
    """The server, the database, and what the role of the URL may do there. Names are quoted as in SQL."""

    version: str
    version_number: int
    encoding: str
    is_standby: bool
    is_read_only: bool
    role: str
    database: str
    # None if no schema of the search_path exists, or the role may use none of them.
    schema: str | None
    vector_version: str | None
    vector_schema: str | None
    # Whether its schema is in the search_path, and the role may use it.
    finds_vector: bool
    available_vector: str | None
    may_create_extension: bool
    may_create_tables: bool
    # Tables that the role may not read and write.
    refused_tables: tuple[str, ...]
    # Connections that the server allows the role in this database.
    max_connections: int


@dataclass(frozen=True)
class Lack:
    """Something that keeps Assay from creating, changing or using its tables: what was seen, and what to do."""

    part: str
    seen: str
    action: str

    def __str__(self) -> str:
        return f"{self.seen}: {self.action}"


async def read_database_facts(db: Executor) -> DatabaseFacts:
    """What is true at this moment."""
    (row,) = await db.fetch(_SQL["database_facts"])
    return _facts(dict(row))


def read_database_facts_with_psycopg(connection: "psycopg.Connection[Any]") -> DatabaseFacts:
    """The same over a connection of the other library."""
    from psycopg.rows import dict_row

    row = connection.cursor(row_factory=dict_row).execute(_SQL["database_facts"].encode()).fetchone()
    return _facts(row or {})


def find_lacks(facts: DatabaseFacts) -> Iterator[Lack]:
    """What `assay migrate` lacks; each part at most once."""
    if facts.version_number < _OLDEST_VERSION * 10_000:
        yield Lack("version", f"PostgreSQL {facts.version} is too old", f"use PostgreSQL {_OLDEST_VERSION} or newer")
    if facts.encoding != "UTF8":
        yield Lack(
            "encoding",
            f"the encoding of database {facts.database} is {facts.encoding}",
            "create another one with `CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0`",
        )
    if facts.is_standby:
        yield Lack("writes", "the server is a standby, which is read-only", "connect to the primary server")
    elif facts.is_read_only:
        action = "connect to the primary server, or turn default_transaction_read_only off"
        yield Lack("writes", "transactions are read-only", action)
    yield from _missing_rights(facts)


def _missing_rights(facts: DatabaseFacts) -> Iterator[Lack]:
    if facts.schema is None:
        action = f"run `GRANT USAGE, CREATE ON SCHEMA public TO {facts.role}`, and create that schema if it is missing"
        yield Lack("tables", f"{facts.role} may use no schema of the search_path", action)
    elif not facts.may_create_tables:
        action = f"run `GRANT CREATE ON SCHEMA {facts.schema} TO {facts.role}` as their owner"
        yield Lack("tables", f"{facts.role} may not create tables", action)
    if not facts.vector_version and not facts.available_vector:
        action = "install pgvector on the server (https://github.com/pgvector/pgvector)"
        yield Lack("vector", "the server has no extension vector", action)
    elif facts.vector_version and not facts.finds_vector:
        action = f"run `GRANT USAGE ON SCHEMA {facts.vector_schema} TO {facts.role}`, and have it in the search_path"
        yield Lack("vector", f"{facts.role} does not find the extension vector", action)
    elif not facts.vector_version and not facts.may_create_extension:
        action = f"run `CREATE EXTENSION vector` in {facts.database} as a superuser"
        yield Lack("vector", f"{facts.role} may not install the extension vector", action)


async def find_pooler(pool: Pool) -> Pooler:
    """Whether there is a pooler, and whether a session belongs to two open connections, or two sessions to one. Takes
    two connections of a pool that relies on no session.

    A pooler makes up the process id that it tells its clients, so a server that says another one is behind a pooler.
    """
    async with pool.acquire() as conn:
        if await conn.fetchval(_SQL["backend_pid"]) == conn.get_server_pid():
            return Pooler.NONE
        try:
            async with asyncio.timeout(_POOLER_SECONDS), pool.acquire() as other:
                for _ in range(_TRIES):
                    first, second, third = [await one.fetchval(_SQL["backend_pid"]) for one in (conn, other, conn)]
                    if first == second or first != third:
                        return Pooler.MIXES_SESSIONS
        except TimeoutError:
            # The pooler has no second session for us, so it did not share the first.
            pass
        return Pooler.FOUND


async def is_same_database(pool: Pool, other: Pool, key: int) -> bool:
    """Whether a lock that one has is seen by the other; `key` is one that nobody else uses."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(_SQL["lock"], key)
        return not await other.fetchval(_SQL["try_lock"], key)


def _facts(row: Mapping[str, Any]) -> DatabaseFacts:
    values = {field.name: row[field.name] for field in fields(DatabaseFacts)}
    return DatabaseFacts(**values | {"refused_tables": tuple(values["refused_tables"])})
