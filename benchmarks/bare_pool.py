"""asyncpg without anything of ours around it: no codecs, no checks; texts go where jsonb is expected."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from app.repositories.sql import Connection, Pool


@asynccontextmanager
async def bare_pool(dsn: str, connections: int) -> AsyncIterator[Pool]:
    """A pool whose connections are all open."""
    pool = asyncpg.create_pool(
        dsn, min_size=connections, max_size=connections, reset=_leave_as_it_is, server_settings={"jit": "off"}
    )
    async with pool:
        yield pool


async def _leave_as_it_is(_: Connection) -> None:
    """Neither do server and worker reset their connections."""
