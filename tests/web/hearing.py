"""What a server tells the others, and whom it rings for."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import cast
from uuid import UUID

from app.clients.redis import job_queue
from app.clients.redis.change_feed import ChangeFeed
from app.clients.redis.job_queue import JobQueue
from app.http.app_keys import BACKGROUND
from tests.api import Api

# Nothing that is told takes so long.
_SECONDS = 20


@asynccontextmanager
async def told(redis_url: str) -> AsyncIterator[set[UUID]]:
    """The assessments that the first message within the block names; filled when it ends."""
    redis, changed = job_queue.connect(redis_url), set[UUID]()
    hearing = cast("AsyncGenerator[frozenset[UUID] | None, None]", ChangeFeed(redis).subscribe())
    async with redis, aclosing(hearing) as heard:
        assert await anext(heard) is None
        yield changed
        async with asyncio.timeout(_SECONDS):
            ids = await anext(heard)
        assert ids
        changed |= ids


async def rung(api: Api, redis_url: str) -> set[str]:
    """The queues in which something waits, once the server has done all that it does after its answers."""
    await api.client.app[BACKGROUND].finish(5)
    bell = JobQueue(job_queue.connect(redis_url))
    async with bell.redis:
        return {queue for queue, waiting in (await bell.queue_lengths()).items() if waiting}
