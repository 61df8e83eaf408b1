"""What a server publishes through Redis: changes of assessments, and notifications for workers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from uuid import UUID

from app.clients.redis import job_queue
from app.clients.redis.change_feed import ChangeFeed
from app.clients.redis.job_queue import JobQueue
from app.http.app_keys import WORKER_NOTIFIER
from tests.api import Api

_SECONDS = 20


@asynccontextmanager
async def published_changes(redis_url: str) -> AsyncIterator[set[UUID]]:
    """The assessments in the first message that is published within the block; filled when the block ends."""
    redis, changed = job_queue.connect(redis_url), set[UUID]()
    async with redis, aclosing(ChangeFeed(redis).subscribe()) as messages:
        # The first item only says that the subscription has begun.
        assert await anext(messages) is None
        yield changed
        async with asyncio.timeout(_SECONDS):
            ids = await anext(messages)
        assert ids
        changed |= ids


async def notified_queues(api: Api, redis_url: str) -> set[str]:
    """The queues with messages, once the server's background tasks are done."""
    await api.client.app[WORKER_NOTIFIER].finish(_SECONDS)
    jobs = JobQueue(job_queue.connect(redis_url))
    async with jobs.redis:
        return {queue for queue, length in (await jobs.queue_lengths()).items() if length}
