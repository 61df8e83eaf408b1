"""What a server or worker holds open, opened and closed the same way by both."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

from app.clients import doorbell
from app.clients.doorbell import Doorbell
from app.repositories.sql import Connection, Pool
from app.settings import Settings

# No statement of ours takes a second; one that takes ten is stuck, and the caller has gone.
_STATEMENT_SECONDS = 10
_CONNECT_SECONDS = 5


@dataclass(frozen=True)
class Context:
    """The open resources of a process."""

    settings: Settings
    pool: Pool
    doorbell: Doorbell


@asynccontextmanager
async def open_context(settings: Settings, name: str, connections: int) -> AsyncIterator[Context]:
    """Opens what the settings name. Nothing is connected before it is used, so a process starts (and says so on
    `/readyz`) while Postgres or Redis is away. `name` is shown in Postgres' list of sessions."""
    redis = doorbell.connect(settings.secret("redis_url"))
    try:
        async with open_pool(settings.secret("database_url"), name, connections) as pool:
            yield Context(settings, pool, Doorbell(redis))
    finally:
        await redis.aclose()


@asynccontextmanager
async def open_pool(dsn: str, name: str, connections: int) -> AsyncIterator[Pool]:
    """A pool of at most so many connections."""
    pool = asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=connections,
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
