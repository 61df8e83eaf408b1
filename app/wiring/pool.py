"""A pool of Postgres connections in which nothing is waited for without a limit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson

from app.repositories.sql import DATABASE_UNAVAILABLE, Connection, Pool

# A statement takes well under a second; one that takes ten is stuck, and its caller has given up.
_STATEMENT_SECONDS = 10
_CONNECT_SECONDS = 5
# asyncpg's own defaults, which a subclass of its pool has to name.
_STATEMENTS_PER_CONNECTION = 50_000
_IDLE_SECONDS = 300.0


class _BoundedPool(asyncpg.Pool):
    """A pool that raises TimeoutError where no connection comes free in time: under more load than Postgres takes,
    callers are turned away instead of queueing up. Waiters are served in order; in asyncpg's own queue a waiter that is
    woken can lose its connection to a newcomer and has to wait behind all others again.

    It overrides private methods of asyncpg: `tests/wiring/test_pool.py` fails when asyncpg is upgraded."""

    def __init__(self, dsn: str, acquire_seconds: float, **options: Any) -> None:
        super().__init__(dsn, **options)
        self._acquire_seconds = acquire_seconds
        self._turns = asyncio.Semaphore(options["max_size"])
        self._in_use: set[object] = set()

    def acquire(self, *, timeout: float | None = None) -> Any:
        return super().acquire(timeout=self._acquire_seconds if timeout is None else timeout)

    async def _acquire(self, timeout: float) -> Any:  # noqa: ASYNC109  # as asyncpg has it
        async with asyncio.timeout(timeout):
            await self._turns.acquire()
        try:
            # A connection is free now, or there is room to open one, which has a limit of its own.
            connection = await super()._acquire(None)  # type: ignore[misc]  # not in the stubs
        except BaseException as error:
            self._turns.release()
            if isinstance(error, OSError) and not isinstance(error, DATABASE_UNAVAILABLE):
                # No route, unknown host, no socket: made distinct from a missing file of our own.
                raise ConnectionError(str(error)) from error
            raise
        self._in_use.add(connection)
        return connection

    async def release(self, connection: Any, *, timeout: float | None = None) -> None:  # noqa: ASYNC109
        # asyncpg itself has taken back a connection that broke while it was in use; its turn ends only here.
        in_use = connection in self._in_use
        self._in_use.discard(connection)
        try:
            await super().release(connection, timeout=timeout)
        finally:
            if in_use:
                self._turns.release()


@asynccontextmanager
async def open_pool(dsn: str, name: str, connections: int, acquire_seconds: float = 10.0) -> AsyncIterator[Pool]:
    """A pool of at most `connections`, each waited for at most `acquire_seconds`. Nothing is connected before it is
    used. Postgres shows `name` in its list of sessions."""
    pool = _BoundedPool(
        dsn,
        acquire_seconds,
        min_size=0,
        max_size=connections,
        max_queries=_STATEMENTS_PER_CONNECTION,
        max_inactive_connection_lifetime=_IDLE_SECONDS,
        connection_class=asyncpg.Connection,
        record_class=asyncpg.Record,
        loop=None,
        init=_prepare,
        reset=_keep_as_it_is,
        timeout=_CONNECT_SECONDS,
        command_timeout=_STATEMENT_SECONDS,
        server_settings={
            "application_name": name,
            "timezone": "UTC",
            "jit": "off",
            "statement_timeout": str(_STATEMENT_SECONDS * 1000),
            "idle_in_transaction_session_timeout": "60000",
        },
    )
    async with pool:
        yield pool


async def _prepare(conn: Connection) -> None:
    await conn.set_type_codec("jsonb", schema="pg_catalog", encoder=_encode, decoder=orjson.loads, format="text")


async def _keep_as_it_is(conn: Connection) -> None:
    """Replaces asyncpg's reset of a connection on release, which is a round trip for each statement. Nothing here
    leaves anything behind on a connection: no SET, no LISTEN, no session locks."""


def _encode(value: Any) -> str:
    return orjson.dumps(value).decode()
