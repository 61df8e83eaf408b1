"""Clients of a server over the test's own database, and of one that does as it is told."""

from collections.abc import AsyncIterator

import pytest

from app.repositories.sql import Pool
from app.settings import Settings
from app.web.app import create_app
from assay_client import AssayClient, Clock, Pacing
from tests.api import token
from tests.bank import Bank, plant
from tests.fakes.webhook_receiver import WebhookReceiver, webhook_receiver
from tests.web.conftest import ProductServer

# Real time, but never long.
HASTY = Pacing(tries=1000, first=0.01, longest=0.05)


class SkippingClock(Clock):
    """Time that passes in pauses alone, and these take none."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def now(self) -> float:
        """All pauses so far."""
        return sum(self.pauses)

    def real(self, seconds: float) -> float:
        """Nothing."""
        self.pauses.append(seconds)
        return 0.0


@pytest.fixture
async def bank(pool: Pool) -> Bank:
    """The small track."""
    return await plant(pool)


@pytest.fixture
async def server(settings: Settings, bank: Bank) -> AsyncIterator[ProductServer]:
    """The product over the small track."""
    server = ProductServer(create_app(settings))
    async with server:
        yield server


@pytest.fixture
async def assay(server: ProductServer) -> AsyncIterator[AssayClient]:
    """A student's client of the product."""
    async with student(str(server.make_url("/"))) as assay:
        yield assay


@pytest.fixture
def clock() -> SkippingClock:
    """Notes the pauses of `told`."""
    return SkippingClock()


@pytest.fixture
async def fake() -> AsyncIterator[WebhookReceiver]:
    """A server that answers by its script and remembers what came."""
    async with webhook_receiver() as fake:
        yield fake


@pytest.fixture
async def told(fake: WebhookReceiver, clock: SkippingClock) -> AsyncIterator[AssayClient]:
    """A client of the fake server whose pauses take no time and have no chance in them."""
    async with AssayClient(root(fake), "a-token", pacing=Pacing(chance=lambda: 0.0), clock=clock) as told:
        yield told


def student(url: str, sub: str = "student-1") -> AssayClient:
    """A student's client that does not wait long before it tries again."""
    return AssayClient(url, token(sub, "student"), pacing=HASTY)


def root(fake: WebhookReceiver) -> str:
    """Where the fake server's paths begin."""
    return fake.url.removesuffix("/hook")
