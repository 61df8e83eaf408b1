"""What `assay doctor` has to know of the database server."""

from dataclasses import dataclass

from app.repositories.sql import Pool, statements

_SQL = statements("database_facts")


@dataclass(frozen=True)
class DatabaseFacts:
    """The server, the database, and what the role of DATABASE_URL may do there."""

    version: str
    version_number: int
    encoding: str
    is_standby: bool
    is_read_only: bool
    role: str
    vector_version: str | None
    available_vector: str | None
    may_create_extension: bool
    may_create_tables: bool
    # Tables that the role may not read and write.
    refused_tables: tuple[str, ...]
    has_pooler: bool


async def read_database_facts(pool: Pool) -> DatabaseFacts:
    """What is true at this moment, in one statement.

    A pooler makes up the process id that it tells its clients, so a server that says another one is behind a pooler.
    """
    async with pool.acquire() as conn:
        (row,) = await conn.fetch(_SQL["database_facts"])
        told_pid = conn.get_server_pid()
    values = dict(row)
    has_pooler = values.pop("backend_pid") != told_pid
    return DatabaseFacts(**values | {"refused_tables": tuple(values["refused_tables"])}, has_pooler=has_pooler)
