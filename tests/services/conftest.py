"""Fixtures of the services' tests: the small track, a server, and a worker's job runner."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from app.clients.llm.chat import ChatModel
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.repositories.sql import Pool
from app.server import create_app
from app.services.jobs.runner import JobRunner
from app.settings import Settings
from tests.api import Api
from tests.bank import Bank, create_bank
from tests.fakes.model_server import ModelServer, model_server
from tests.job_runner import job_runner


@pytest.fixture
async def bank(pool: Pool) -> Bank:
    """The small track."""
    return await create_bank(pool)


@pytest.fixture
async def api(aiohttp_client: AiohttpClient, settings: Settings) -> Api:
    """The API of a server, as a student."""
    client: Any = await aiohttp_client(create_app(settings))
    return Api(client)


@pytest.fixture(scope="session")
async def embedder() -> AsyncIterator[OfflineEmbedder]:
    """The real offline embedder, loaded once."""
    embedder = OfflineEmbedder()
    yield embedder
    await embedder.close()


@pytest.fixture
async def provider() -> AsyncIterator[ModelServer]:
    """A fake model provider with scripted answers."""
    async with model_server() as server:
        yield server


@pytest.fixture
async def running(
    pool: Pool, redis_url: str, embedder: OfflineEmbedder, provider: ModelServer
) -> AsyncIterator[JobRunner]:
    """A worker's job runner that uses the provider's model."""
    model = ChatModel("sk-test", provider.url, "gpt-test", 5)
    runner = job_runner(pool, redis_url, embedder, model=model)
    yield runner
    await runner.job_queue.redis.aclose()
    await model.close()
