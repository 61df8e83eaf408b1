"""What a server or worker holds open, opened and closed the same way by both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

from app.clients.redis import job_queue
from app.clients.redis.change_feed import ChangeFeed
from app.clients.redis.job_queue import JobQueue
from app.lifecycle import end
from app.repositories.sql import DATABASE_UNAVAILABLE, Connection, Pool
from app.settings import Settings

# No statement of ours takes a second; one that takes ten is stuck, and the caller has gone.
_STATEMENT_SECONDS = 10
_CONNECT_SECONDS = 5
# asyncpg's own defaults, which a subclass of its pool has to name.
_STATEMENTS_OF_A_CONNECTION = 50_000
_IDLE_SECONDS = 300.0


@dataclass(frozen=True)
class Context:
    """The open resources of a process."""

    settings: Settings
    pool: Pool
    job_queue: JobQueue
    change_feed: ChangeFeed


class _Pool(asyncpg.Pool):
    """A pool whose connections are never waited for without a limit: under more load than Postgres takes, callers are
    turned away (TimeoutError) instead of queueing up behind each other. Those who wait take turns: in asyncpg's own
    queue one who is woken can lose the connection to a newcomer, and then waits behind all others again."""

    def __init__(self, dsn: str, acquire_seconds: float, **options: Any) -> None:
        super().__init__(dsn, **options)
        self._acquire_seconds = acquire_seconds
        self._turns = asyncio.Semaphore(options["max_size"])

    def acquire(self, *, timeout: float | None = None) -> Any:
        return super().acquire(timeout=self._acquire_seconds if timeout is None else timeout)

    async def _acquire(self, timeout: float) -> Any:  # noqa: ASYNC109  # as asyncpg has it
        async with asyncio.timeout(timeout):
            await self._turns.acquire()
        try:
            # A connection is free now, or there is room to open one, which has a limit of its own.
            return await super()._acquire(None)  # type: ignore[misc]  # not in the stubs
        except BaseException as error:
            self._turns.release()
            if isinstance(error, OSError) and not isinstance(error, DATABASE_UNAVAILABLE):
                # No route, no such name, no socket: told apart from a missing file of our own.
                raise ConnectionError(str(error)) from error
            raise

    async def release(self, connection: Any, *, timeout: float | None = None) -> None:  # noqa: ASYNC109
        held = connection._con is not None
        try:
            await super().release(connection, timeout=timeout)
        finally:
            if held:
                self._turns.release()


@asynccontextmanager
async def open_context(
    settings: Settings, name: str, connections: int, acquire_seconds: float
) -> AsyncIterator[Context]:
    """Opens what the settings name. Nothing is connected before it is used, so a process starts (and says so on
    `/readyz`) while Postgres or Redis is away. `name` is shown in Postgres' list of sessions."""
    redis = job_queue.connect(settings.secret("redis_url"))
    try:
        async with open_pool(settings.secret("database_url"), name, connections, acquire_seconds) as pool:
            changes = ChangeFeed(redis)
            telling = asyncio.create_task(changes.tell())
            try:
                yield Context(settings, pool, JobQueue(redis), changes)
            finally:
                await end(telling)
    finally:
        await redis.aclose()


@asynccontextmanager
async def open_pool(dsn: str, name: str, connections: int, acquire_seconds: float = 10.0) -> AsyncIterator[Pool]:
    """A pool of at most so many connections, each of them waited for at most so long."""
    pool = _Pool(
        dsn,
        acquire_seconds,
        min_size=0,
        max_size=connections,
        max_queries=_STATEMENTS_OF_A_CONNECTION,
        max_inactive_connection_lifetime=_IDLE_SECONDS,
        connection_class=asyncpg.Connection,
        record_class=asyncpg.Record,
        loop=None,
        init=_prepare,
        reset=_leave_as_it_is,
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


async def _leave_as_it_is(conn: Connection) -> None:
    """asyncpg would ask Postgres to reset each connection on release, a round trip for each statement. Nothing here
    leaves anything behind on a connection: no SET, no LISTEN, no session locks."""


def _encode(value: Any) -> str:
    return orjson.dumps(value).decode()
