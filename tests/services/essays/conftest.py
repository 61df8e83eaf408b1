"""A runner of assessments with one essay each."""

from collections.abc import AsyncIterator

import pytest

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.repositories.sql import Pool
from tests.bank import Bank
from tests.fakes.model_server import ModelServer
from tests.services.essays.essay_runner import EssayRunner


@pytest.fixture
async def runner(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder, provider: ModelServer
) -> AsyncIterator[EssayRunner]:
    """A runner whose essays are scored by the fake provider's model."""
    async with EssayRunner(pool, bank, redis_url, embedder, provider.url) as runner:
        yield runner
