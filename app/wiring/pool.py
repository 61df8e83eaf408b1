"""A pool of Postgres connections in which nothing is waited for without a limit."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, cast

import asyncpg
from asyncpg.pool import PoolAcquireContext

from app.database_url import parse_database_url
from app.repositories.sql import DATABASE_UNAVAILABLE, Connection, Pool
from app.setting_types import DatabasePooler
from app.settings import Settings
from app.wiring.database_sessions import STATEMENT_SECONDS, Connector, is_pooled

_TRIES = 4
_RETRY_SECONDS = 0.05
# asyncpg's own defaults, which a subclass of its pool has to name.
_STATEMENTS_PER_CONNECTION = 50_000
_IDLE_SECONDS = 300.0
# For the cancellation of a statement, before its connection is given up, and for closing all connections. A server that
# has gone silent answers neither.
_RELEASE_SECONDS = 3.0
_CLOSE_SECONDS = 3.0


class _Acquired(PoolAcquireContext):
    """Has the pool's sessions replaced after an error that shows that the others are no better. After a failover, or if
    the database was made read-only, sessions stay read-only even when it is over. And a statement that was not answered
    in time went to a server that is silent: one that is slow ends it itself."""

    __slots__ = ()

    async def __aexit__(self, *exc: Any) -> None:
        if any(isinstance(error, asyncpg.ReadOnlySQLTransactionError) for error in exc):
            await self.pool.expire_connections()
        elif any(isinstance(error, TimeoutError) for error in exc):
            cast(_BoundedPool, self.pool).terminate_idle_connections()
        await super().__aexit__(*exc)


class _BoundedPool(asyncpg.Pool):
    """A pool that raises TimeoutError where no connection comes free in time: under more load than Postgres takes,
    callers are turned away instead of queueing up. Waiters are served in order; in asyncpg's own queue a waiter that is
    woken can lose its connection to a newcomer and has to wait behind all others again.

    It overrides private methods of asyncpg: `tests/wiring/test_pool.py` fails when asyncpg is upgraded."""

    def __init__(self, acquire_seconds: float, **options: Any) -> None:
        super().__init__(**options)
        self._acquire_seconds = acquire_seconds
        self._turns = asyncio.Semaphore(options["max_size"])
        self._in_use: set[object] = set()

    def acquire(self, *, timeout: float | None = None) -> Any:
        return _Acquired(self, self._acquire_seconds if timeout is None else timeout)

    async def execute(self, *args: Any, **options: Any) -> Any:
        return await _with_retries(lambda: super(_BoundedPool, self).execute(*args, **options))

    async def fetch(self, *args: Any, **options: Any) -> Any:
        return await _with_retries(lambda: super(_BoundedPool, self).fetch(*args, **options))

    async def fetchrow(self, *args: Any, **options: Any) -> Any:
        return await _with_retries(lambda: super(_BoundedPool, self).fetchrow(*args, **options))

    async def fetchval(self, *args: Any, **options: Any) -> Any:
        return await _with_retries(lambda: super(_BoundedPool, self).fetchval(*args, **options))

    async def _acquire(self, timeout: float) -> Any:  # noqa: ASYNC109  # as asyncpg has it
        if self._turns.locked():
            async with asyncio.timeout(timeout):
                await self._turns.acquire()
        else:
            await self._turns.acquire()
        try:
            # A connection is free now, or there is room to open one, which has a limit of its own.
            connection = await super()._acquire(None)  # type: ignore[misc]  # not in the stubs
        except BaseException as error:
            self._turns.release()
            if isinstance(error, OSError | asyncpg.PostgresError) and not isinstance(error, DATABASE_UNAVAILABLE):
                # No route, unknown host, no socket: made distinct from a missing file of our own. And whatever the
                # server says to the connection itself, such as that its options are wrong.
                raise ConnectionError(str(error)) from error
            raise
        self._in_use.add(connection)
        return connection

    def terminate_idle_connections(self) -> None:
        """Ends them without a word to the server, which may be silent."""
        for holder in self._holders:  # type: ignore[attr-defined]  # not in the stubs
            if holder.is_connected() and holder.is_idle():
                holder.terminate()

    async def release(self, connection: Any, *, timeout: float | None = None) -> None:  # noqa: ASYNC109
        # asyncpg itself has taken back a connection that broke while it was in use; its turn ends only here.
        in_use = connection in self._in_use
        self._in_use.discard(connection)
        try:
            await super().release(connection, timeout=_RELEASE_SECONDS if timeout is None else timeout)
        finally:
            if in_use:
                self._turns.release()


@asynccontextmanager
async def open_pool(
    dsn: str, name: str, connections: int, acquire_seconds: float = 10.0, *, pooler: DatabasePooler = "auto"
) -> AsyncIterator[Pool]:
    """A pool of at most `connections`, each waited for at most `acquire_seconds`. Nothing is connected before it is
    used. Postgres shows `name` in its list of sessions."""
    pool = _BoundedPool(
        acquire_seconds,
        connect=Connector(parse_database_url(dsn), name, pooler),
        min_size=0,
        max_size=connections,
        max_queries=_STATEMENTS_PER_CONNECTION,
        max_inactive_connection_lifetime=_IDLE_SECONDS,
        connection_class=asyncpg.Connection,
        record_class=asyncpg.Record,
        loop=None,
        reset=_keep_as_it_is,
        command_timeout=STATEMENT_SECONDS,
    )
    await pool
    try:
        yield pool
    finally:
        # It ends the connections also when it fails.
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await pool.close()


def open_pool_for(
    settings: Settings, name: str, connections: int, acquire_seconds: float = 10.0
) -> AbstractAsyncContextManager[Pool]:
    """A pool for the database of the settings; see `open_pool`.

    Raises:
        WrongSetting: DATABASE_URL is not set.
    """
    url = settings.secret("database_url")
    return open_pool(url, name, connections, acquire_seconds, pooler=settings.database_pooler)


@asynccontextmanager
async def open_session(settings: Settings, name: str) -> AsyncIterator["Connection | None"]:
    """A connection that stays with its session, for temporary tables and VACUUM: that of MIGRATE_DATABASE_URL, or of
    DATABASE_URL; None where a pooler is in between.

    Raises:
        WrongSetting: DATABASE_URL is not set.
    """
    direct = settings.migrate_database_url
    pools = open_pool(direct.get_secret_value(), name, 1) if direct else open_pool_for(settings, name, 1)
    async with pools as pool, pool.acquire() as conn:
        yield None if is_pooled(conn) else conn


async def _with_retries(call: Callable[[], Awaitable[Any]]) -> Any:
    """Executes a statement that stands alone again where that can help and nothing was done: it met with other
    transactions, or its session has been read-only for longer than the database."""
    for attempt in range(1, _TRIES):
        try:
            return await call()
        except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
            await asyncio.sleep(random.uniform(0, _RETRY_SECONDS * 2**attempt))  # noqa: S311
        except asyncpg.ReadOnlySQLTransactionError:
            break
    return await call()


async def _keep_as_it_is(conn: Connection) -> None:
    """Replaces asyncpg's reset of a connection on release, which is a round trip for each statement. Nothing here
    leaves anything behind on a connection: no SET of its own, no LISTEN, no session locks."""
