"""A job runner whose essay jobs fail."""

from collections.abc import AsyncIterator

import pytest

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.repositories.sql import Pool
from app.services.jobs.runner import JobRunner
from tests.dead_letters import worker


@pytest.fixture
async def failing_runner(pool: Pool, redis_url: str, embedder: OfflineEmbedder) -> AsyncIterator[JobRunner]:
    """A job runner without a model, whose `gpt` jobs fail."""
    async with worker(pool, redis_url, embedder) as running:
        yield running
