"""Fixtures: a server on the test's own database, clients of it, a track and an assessment."""

from typing import Any, Protocol

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiohttp.web import AppRunner
from pytest_aiohttp.plugin import AiohttpClient

from app.http.server_connections import Runner, TimeLimits
from app.repositories.sql import Pool
from app.server import create_app
from app.settings import Settings
from tests.api import Api
from tests.bank import SLUG, Bank, create_bank


class ProductServer(TestServer):
    """Serves the application over its own connections, as in production."""

    def __init__(
        self,
        app: web.Application,
        *,
        limits: TimeLimits | None = None,
        max_connections: int = Settings().max_connections,
    ) -> None:
        super().__init__(app)
        self._limits = limits
        self._max_connections = max_connections

    async def _make_runner(self, **options: Any) -> AppRunner:
        return Runner(
            self.app,
            limits=self._limits,
            max_connections=self._max_connections,
            **options | {"handler_cancellation": False},
        )


class Serve(Protocol):
    """Starts a server with some settings changed."""

    async def __call__(self, **changed: Any) -> Api:
        """The API as a student uses it."""


@pytest.fixture
def serve(aiohttp_client: AiohttpClient, settings: Settings) -> Serve:
    """Starts servers over the test's own database."""

    async def start(**changed: Any) -> Api:
        client: Any = await aiohttp_client(ProductServer(create_app(settings.model_copy(update=changed))))
        return Api(client)

    return start


@pytest.fixture
async def api(serve: Serve) -> Api:
    """The API as a student uses it."""
    return await serve()


@pytest.fixture
async def bank(pool: Pool) -> Bank:
    """The small track and its questions."""
    return await create_bank(pool)


@pytest.fixture
async def path(api: Api, bank: Bank) -> str:
    """An assessment that the student has just started."""
    started = await api.post("/assessments", {"track": SLUG})
    return started.headers["Location"]
