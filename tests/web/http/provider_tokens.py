"""Requests with tokens of an identity provider, for tests of servers that trust it."""

from collections.abc import Awaitable
from dataclasses import replace
from typing import Protocol

from structlog.typing import EventDict

from app.clients.jwks.key_cache import RefreshTimes
from tests.api import Api, Reply
from tests.fakes.conditions import until
from tests.fakes.tokens.identity_provider import IdentityProvider

# Refreshes from time to time are only made where a test is about them.
RARELY = RefreshTimes(refresh=3600, retry=3600, fetch=15)
OFTEN = RefreshTimes(refresh=0.05, retry=0.05, fetch=15)


class ServeFor(Protocol):
    """Starts a server that trusts a provider."""

    async def __call__(self, provider: IdentityProvider, times: RefreshTimes = RARELY) -> Api:
        """Its API."""


def ask(api: Api, token: str) -> Awaitable[Reply]:
    """The answer to a harmless request with this token."""
    return replace(api, headers={"Authorization": f"Bearer {token}"}).get("/tracks")


async def status(api: Api, token: str) -> int:
    """Its status."""
    return (await ask(api, token)).status


async def until_status(api: Api, token: str, expected: int) -> None:
    """Repeats the request until it has this status."""

    async def reached() -> bool:
        return await status(api, token) == expected

    await until(reached, 40)


def events(logs: list[EventDict], event: str) -> list[EventDict]:
    """The log lines of one kind."""
    return [line for line in logs if line["event"] == event]
