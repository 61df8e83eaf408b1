"""A pool of Postgres connections in which nothing is waited for without a limit."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
import orjson
from asyncpg.pool import PoolAcquireContext

from app.database_url import DatabaseUrl, parse_database_url
from app.repositories.sql import DATABASE_UNAVAILABLE, Connection, Pool
from app.settings import Settings

# A statement takes well under a second; one that takes ten is stuck, and its caller has given up.
_STATEMENT_SECONDS = 10
# SET after connecting, because poolers refuse them as parameters of a connection. The statements are written for READ
# COMMITTED: they wait for each other's rows instead of failing, whatever the database's default is.
_SESSION = f"""
SET jit = off;
SET statement_timeout = {_STATEMENT_SECONDS * 1000};
SET idle_in_transaction_session_timeout = 60000;
SET default_transaction_isolation = 'read committed';
"""
_TRIES = 4
_RETRY_SECONDS = 0.05
# asyncpg's own defaults, which a subclass of its pool has to name.
_STATEMENTS_PER_CONNECTION = 50_000
_IDLE_SECONDS = 300.0


class _PooledConnection(asyncpg.Connection):
    """A connection through a pooler that gives each transaction another session. Preparing a statement and executing it
    are two messages, so a statement that stands alone becomes a transaction. Its transactions name their isolation,
    since no session can keep a default."""

    def transaction(self, *, isolation: Any = None, readonly: bool = False, deferrable: bool = False) -> Any:
        if isolation is None and not self.is_in_transaction():
            isolation = "read_committed"
        return super().transaction(isolation=isolation, readonly=readonly, deferrable=deferrable)

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        if not args:
            # A single message; BEGIN and COMMIT come this way, too.
            return await super().execute(query, timeout=timeout)
        return await self._in_transaction(lambda: super(_PooledConnection, self).execute(query, *args, timeout=timeout))

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        return await self._in_transaction(lambda: super(_PooledConnection, self).fetch(query, *args, **options))

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        return await self._in_transaction(lambda: super(_PooledConnection, self).fetchrow(query, *args, **options))

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        return await self._in_transaction(lambda: super(_PooledConnection, self).fetchval(query, *args, **options))

    async def _in_transaction(self, call: Callable[[], Awaitable[Any]]) -> Any:
        if self.is_in_transaction():
            return await call()
        async with self.transaction():
            return await call()


class _Acquired(PoolAcquireContext):
    """Replaces all sessions of the pool after an error that shows that a session is read-only: after a failover, or if
    the database was made read-only, sessions stay so even when it is over."""

    __slots__ = ()

    async def __aexit__(self, *exc: Any) -> None:
        if any(isinstance(error, asyncpg.ReadOnlySQLTransactionError) for error in exc):
            await self.pool.expire_connections()
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
async def open_pool(
    dsn: str, name: str, connections: int, acquire_seconds: float = 10.0, *, transaction_pooler: bool = False
) -> AsyncIterator[Pool]:
    """A pool of at most `connections`, each waited for at most `acquire_seconds`. Nothing is connected before it is
    used. Postgres shows `name` in its list of sessions. With `transaction_pooler`, nothing relies on a session."""
    pool = _BoundedPool(
        acquire_seconds,
        connect=_connector(parse_database_url(dsn), name),
        min_size=0,
        max_size=connections,
        max_queries=_STATEMENTS_PER_CONNECTION,
        max_inactive_connection_lifetime=_IDLE_SECONDS,
        connection_class=_PooledConnection if transaction_pooler else asyncpg.Connection,
        record_class=asyncpg.Record,
        loop=None,
        init=_add_codec if transaction_pooler else _prepare_session,
        reset=_keep_as_it_is,
        command_timeout=_STATEMENT_SECONDS,
        # Without names for statements, which a session would have to remember.
        **({"statement_cache_size": 0} if transaction_pooler else {}),
    )
    async with pool:
        yield pool


def open_pool_for(settings: Settings, name: str, connections: int) -> AbstractAsyncContextManager[Pool]:
    """A pool for the database of the settings; see `open_pool`.

    Raises:
        WrongSetting: DATABASE_URL is not set.
    """
    url, pooled = settings.secret("database_url"), settings.database_pooler == "transaction"
    return open_pool(url, name, connections, transaction_pooler=pooled)


def _connector(url: DatabaseUrl, name: str) -> Callable[..., Awaitable[Any]]:
    """A function that connects to the first host that can be used."""

    async def connect(**options: Any) -> Any:
        last: Exception = ConnectionError("no host")
        for host in url.for_asyncpg():
            settings = {"application_name": name, "timezone": "UTC", **host.pop("server_settings")}
            try:
                return await asyncpg.connect(**host, **options, server_settings=settings)
            except (OSError, *DATABASE_UNAVAILABLE) as error:
                last = error
        raise last

    return connect


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


async def _prepare_session(conn: Connection) -> None:
    await conn.execute(_SESSION)
    await conn.set_type_codec("jsonb", schema="pg_catalog", encoder=_encode, decoder=orjson.loads, format="text")


async def _add_codec(conn: Connection) -> None:
    async with conn.transaction():
        await conn.set_type_codec("jsonb", schema="pg_catalog", encoder=_encode, decoder=orjson.loads, format="text")


async def _keep_as_it_is(conn: Connection) -> None:
    """Replaces asyncpg's reset of a connection on release, which is a round trip for each statement. Nothing here
    leaves anything behind on a connection: no SET of its own, no LISTEN, no session locks."""


def _encode(value: Any) -> str:
    return orjson.dumps(value).decode()
