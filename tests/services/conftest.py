"""The small track, a server over it, and the pieces of a worker."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from app.clients.llm.chat import ChatModel
from app.clients.llm.embeddings_local import OfflineEmbedder
from app.repositories.sql import Pool
from app.server import create_app
from app.services.jobs.runner import JobRunner
from app.settings import Settings
from tests.api import Api
from tests.bank import Bank, plant
from tests.fakes.model_server import ModelServer, model_server
from tests.pipelines import pipeline


@pytest.fixture
async def bank(pool: Pool) -> Bank:
    """The small track."""
    return await plant(pool)


@pytest.fixture
async def api(aiohttp_client: AiohttpClient, settings: Settings) -> Api:
    """The API as a student uses it."""
    client: Any = await aiohttp_client(create_app(settings))
    return Api(client)


@pytest.fixture(scope="session")
async def embedder() -> AsyncIterator[OfflineEmbedder]:
    """The real one, loaded once."""
    embedder = OfflineEmbedder()
    yield embedder
    await embedder.close()


@pytest.fixture
async def provider() -> AsyncIterator[ModelServer]:
    """A model provider that does as it is told."""
    async with model_server() as server:
        yield server


@pytest.fixture
async def running(
    pool: Pool, redis_url: str, embedder: OfflineEmbedder, provider: ModelServer
) -> AsyncIterator[JobRunner]:
    """A worker that asks the provider."""
    model = ChatModel("sk-test", provider.url, "gpt-test", 5)
    running = pipeline(pool, redis_url, embedder, model=model)
    yield running
    await running.job_queue.redis.aclose()
    await model.close()
