"""Clients of the real service over the test's own database, and of a fake service with scripted responses."""

from collections.abc import AsyncIterator

import pytest

from app.repositories.sql import Pool
from app.server import create_app
from app.settings import Settings
from assay_client import AssayClient, Clock, Pacing
from tests.api import token
from tests.bank import Bank, create_bank
from tests.fakes.webhook_receiver import WebhookReceiver, webhook_receiver
from tests.web.conftest import ProductServer

# Real time, but with short pauses.
FAST_PACING = Pacing(tries=1000, first=0.01, longest=0.05)


class SkippingClock(Clock):
    """A clock that only pauses advance, and that skips them; `pauses` has them all."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def now(self) -> float:
        """The sum of all pauses so far."""
        return sum(self.pauses)

    def real(self, seconds: float) -> float:
        """Zero."""
        self.pauses.append(seconds)
        return 0.0


@pytest.fixture
async def bank(pool: Pool) -> Bank:
    """A small track with its questions."""
    return await create_bank(pool)


@pytest.fixture
async def server(settings: Settings, bank: Bank) -> AsyncIterator[ProductServer]:
    """The service with the small track."""
    server = ProductServer(create_app(settings))
    async with server:
        yield server


@pytest.fixture
async def assay(server: ProductServer) -> AsyncIterator[AssayClient]:
    """A student's client of the real service."""
    async with student_client(str(server.make_url("/"))) as assay:
        yield assay


@pytest.fixture
def clock() -> SkippingClock:
    """The clock of `client`."""
    return SkippingClock()


@pytest.fixture
async def fake() -> AsyncIterator[WebhookReceiver]:
    """A fake service that sends scripted responses and records the requests."""
    async with webhook_receiver() as fake:
        yield fake


@pytest.fixture
async def client(fake: WebhookReceiver, clock: SkippingClock) -> AsyncIterator[AssayClient]:
    """A client of the fake service, without jitter and without real pauses."""
    async with AssayClient(
        base_url(fake), "a-token", pacing=Pacing(random_fraction=lambda: 0.0), clock=clock
    ) as client:
        yield client


def student_client(url: str, sub: str = "student-1") -> AssayClient:
    """A student's client with short pauses between retries."""
    return AssayClient(url, token(sub, "student"), pacing=FAST_PACING)


def base_url(fake: WebhookReceiver) -> str:
    """The address of the fake service, without a path."""
    return fake.url.removesuffix("/hook")
