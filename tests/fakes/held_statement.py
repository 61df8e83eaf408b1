"""Statements that are stopped on their way to Postgres, and connections that stand in for a pool."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from app.repositories.sql import Connection, Executor, Pool


class _InterruptedPool:
    """A pool that does something else before each statement that contains `marker`."""

    def __init__(self, pool: Executor, marker: str, first: Callable[[], Awaitable[object]]) -> None:
        self._pool = pool
        self._marker = marker
        self._first = first
        self.count = 0

    async def fetchrow(self, statement: str, *values: Any) -> Any:
        """As the pool's own."""
        if self._marker in statement:
            self.count += 1
            await self._first()
        return await self._pool.fetchrow(statement, *values)


def interrupted_pool(pool: Executor, marker: str, first: Callable[[], Awaitable[object]]) -> Pool:
    """The pool, with `first` done before each such statement."""
    return cast(Pool, _InterruptedPool(pool, marker, first))


class Gate:
    """A place to stop at until it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._open = asyncio.Event()

    async def __call__(self) -> None:
        """Stops there."""
        self.reached.set()
        await self._open.wait()

    def open(self) -> None:
        """Lets pass who waits, and whoever comes."""
        self._open.set()


class _Only:
    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        yield self._conn


def single_connection_pool(conn: Connection) -> Pool:
    """A pool of this connection alone: transactions become part of the one that it is in."""
    return cast(Pool, _Only(conn))
