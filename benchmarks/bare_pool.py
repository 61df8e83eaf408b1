"""An asyncpg pool without the service's codecs and checks, for measuring what Postgres alone allows.

Arguments of type jsonb are passed as text."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from app.repositories.sql import Connection, Pool


@asynccontextmanager
async def bare_pool(dsn: str, connections: int) -> AsyncIterator[Pool]:
    """A pool of exactly so many connections, all open from the beginning."""
    pool = asyncpg.create_pool(
        dsn, min_size=connections, max_size=connections, reset=_do_not_reset, server_settings={"jit": "off"}
    )
    async with pool:
        yield pool


async def _do_not_reset(_: Connection) -> None:
    """Servers and workers do not reset their connections either."""
