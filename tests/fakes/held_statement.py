"""Pools that pause before a statement, or that consist of one connection in a transaction."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from app.repositories.sql import Connection, Executor, Pool


class _InterruptedPool:
    def __init__(self, pool: Executor, marker: str, interrupt: Callable[[], Awaitable[object]]) -> None:
        self._pool = pool
        self._marker = marker
        self._interrupt = interrupt

    async def fetchrow(self, statement: str, *values: Any) -> Any:
        if self._marker in statement:
            await self._interrupt()
        return await self._pool.fetchrow(statement, *values)


def interrupted_pool(pool: Executor, marker: str, interrupt: Callable[[], Awaitable[object]]) -> Pool:
    """The pool, with `interrupt` awaited before each `fetchrow` of a statement that contains `marker`."""
    return cast(Pool, _InterruptedPool(pool, marker, interrupt))


class Gate:
    """Blocks whoever calls it until it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._open = asyncio.Event()

    async def __call__(self) -> None:
        """Waits until the gate is open."""
        self.reached.set()
        await self._open.wait()

    def open(self) -> None:
        """Lets all calls pass from now on."""
        self._open.set()


class _SingleConnectionPool:
    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        yield self._conn


def single_connection_pool(conn: Connection) -> Pool:
    """A pool of this connection alone, so that transactions nest in the one that the connection is in."""
    return cast(Pool, _SingleConnectionPool(conn))
