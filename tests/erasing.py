"""Erasures at chosen moments of other work."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from app.repositories import erasures
from app.repositories.sql import Pool
from tests.fakes.conditions import until

Waits = Callable[[], Awaitable[bool]]
# What reads an event or an assessment needs this table; claims and erasures do not.
_HOLD_READERS = "LOCK TABLE tracks IN ACCESS EXCLUSIVE MODE"


def somebody_waits(pool: Pool, number: int = 1) -> Waits:
    """Whether so many statements wait for a lock."""

    async def waits() -> bool:
        return bool(await pool.fetchval("SELECT count(*) >= $1 FROM pg_locks WHERE NOT granted", number))

    return waits


@asynccontextmanager
async def readers_wait(pool: Pool, number: int = 1) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Has readers of events and assessments wait until the block ends; yields what returns once so many of them
    wait."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(_HOLD_READERS)
        yield lambda: until(somebody_waits(pool, number))


@asynccontextmanager
async def erasing(pool: Pool, assessment_id: UUID, table: str | None = None) -> AsyncIterator[Waits]:
    """Erases the assessment when the block ends: until then it can be read, and who writes to it, or reads the table,
    waits. Yields what tells whether somebody does."""
    async with pool.acquire() as conn, conn.transaction():
        if table is not None:
            await conn.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        assert await erasures.delete_assessment(conn, assessment_id, "erased", None)
        yield somebody_waits(pool)
