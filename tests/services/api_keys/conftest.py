"""What a process knows of API keys, with its feed."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.clients.redis import job_queue
from app.clients.redis.key_feed import KeyFeed
from app.lifecycle import cancel_and_wait
from app.repositories.sql import Pool
from app.services.api_keys.known_keys import KnownKeys


@pytest.fixture
async def feed(redis_url: str) -> AsyncIterator[KeyFeed]:
    """The feed of a process."""
    redis = job_queue.connect(redis_url)
    yield KeyFeed(redis)
    await redis.aclose()


@pytest.fixture
async def known(pool: Pool, feed: KeyFeed) -> AsyncIterator[KnownKeys]:
    """Keys whose reads run; nothing that is published arrives."""
    known = KnownKeys(pool, feed)
    reads = asyncio.create_task(known.run_reads())
    yield known
    await cancel_and_wait(reads)
