"""A server over the test's own database, and callers of it."""

from typing import Any

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from app.repositories.sql import Pool
from app.settings import Settings
from app.web.app import create_app
from tests.api import Api
from tests.bank import Bank, plant


@pytest.fixture
async def api(aiohttp_client: AiohttpClient, settings: Settings) -> Api:
    """The API as a student uses it."""
    client: Any = await aiohttp_client(create_app(settings))
    return Api(client)


@pytest.fixture
async def bank(pool: Pool) -> Bank:
    """The small track."""
    return await plant(pool)
