"""Fixtures of clients that wait."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.clients.redis import job_queue
from app.clients.redis.change_feed import ChangeFeed
from app.lifecycle import cancel_and_wait


@pytest.fixture
async def change_feed(redis_url: str) -> AsyncIterator[ChangeFeed]:
    """The change feed of a process, with its publisher running."""
    redis = job_queue.connect(redis_url)
    change_feed = ChangeFeed(redis)
    publisher = asyncio.create_task(change_feed.run_publisher())
    yield change_feed
    await cancel_and_wait(publisher)
    await redis.aclose()
