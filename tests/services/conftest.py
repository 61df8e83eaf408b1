"""The small track, a server over it, and the pieces of a worker."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from app.clients.embeddings import OfflineEmbedder
from app.repositories.sql import Pool
from app.settings import Settings
from app.web.app import create_app
from tests.api import Api
from tests.bank import Bank, plant
from tests.fakes.model_server import ModelServer, model_server


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
