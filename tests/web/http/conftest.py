"""Servers that trust an identity provider."""

from typing import Any

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from app.clients.jwks.key_cache import RefreshTimes
from app.server import create_app
from app.settings import Settings
from tests.api import Api
from tests.fakes.tokens.identity_provider import IdentityProvider, with_provider
from tests.web.conftest import ProductServer
from tests.web.http.provider_tokens import RARELY, ServeFor


@pytest.fixture
def serve_for(aiohttp_client: AiohttpClient, settings: Settings) -> ServeFor:
    """Starts servers that trust a provider."""

    async def start(provider: IdentityProvider, times: RefreshTimes = RARELY) -> Api:
        client: Any = await aiohttp_client(ProductServer(create_app(with_provider(settings, provider.url), times)))
        return Api(client)

    return start
