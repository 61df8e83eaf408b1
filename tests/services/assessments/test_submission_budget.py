"""How many statements and round trips a submission and a status poll take, counted by proxies."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from app.repositories.sql import Pool, modules, statements
from app.server import create_app
from app.settings import Settings, load_settings
from tests.api import Api
from tests.bank import SLUG, Bank
from tests.conftest import SECRET
from tests.fakes.conditions import until
from tests.fakes.counting_proxy import RoundTrips, Statements, counting_proxy

NAMES = {text: name for module in modules() for name, text in statements(module).items()}


@dataclass
class CountedServer:
    """A server with the traffic to its database and to Redis."""

    api: Api
    postgres: Statements
    redis: RoundTrips

    def start_counting(self) -> None:
        self.postgres.executed.clear()
        self.postgres.round_trips = self.redis.count = 0

    @property
    def executed(self) -> list[str]:
        return [NAMES.get(text, text) for text in self.postgres.executed]


@pytest.fixture
async def counted(aiohttp_client: AiohttpClient, settings: Settings) -> AsyncIterator[CountedServer]:
    """A server whose database and Redis are behind counting proxies."""
    # Only notifications of jobs count in Redis. Changes are published later, several at once.
    postgres, redis = Statements(), RoundTrips(b"EVALSHA")
    async with (
        counting_proxy(settings.secret("database_url"), postgres) as database_url,
        counting_proxy(settings.secret("redis_url"), redis) as redis_url,
    ):
        counted_settings = load_settings(database_url=database_url, redis_url=redis_url, jwt_secret=SECRET)
        client = await aiohttp_client(create_app(counted_settings))
        yield CountedServer(Api(client), postgres, redis)
        await client.close()


async def submit(counted: CountedServer, bank: Bank, pool: Pool, owner: str, *, key: bool = False) -> str:
    """Submits an answered assessment, counting from the submission on; returns its path once workers are notified."""
    student = counted.api.as_("student", sub=owner)
    path = (await student.post("/assessments", {"track": SLUG})).headers["Location"]
    await student.patch(f"{path}/responses", {"responses": bank.all_answers()})
    counted.start_counting()
    headers = {"Idempotency_Key": f"key-{owner}"} if key else {}
    assert (await student.post(f"{path}/submit", **headers)).status == 202

    async def notified() -> bool:
        return counted.redis.count > 0

    await until(notified)
    return path


@pytest.mark.parametrize("key", [False, True])
async def test_a_submission_takes_one_read_one_write_and_one_notification(
    counted: CountedServer, bank: Bank, pool: Pool, key: bool
) -> None:
    await submit(counted, bank, pool, "warm", key=key)
    await submit(counted, bank, pool, "measured", key=key)
    assert counted.executed == ["read_assessment", "submit"]
    assert counted.postgres.round_trips == 2
    assert counted.redis.count == 1


async def test_a_replay_takes_one_read(counted: CountedServer, bank: Bank, pool: Pool) -> None:
    path = await submit(counted, bank, pool, "again", key=True)
    student = counted.api.as_("student", sub="again")
    counted.start_counting()
    replay = await student.post(f"{path}/submit", Idempotency_Key="key-again")
    assert replay.headers["Idempotent-Replayed"] == "true"
    assert (counted.executed, counted.redis.count) == (["read_assessment"], 0)


async def test_a_status_poll_takes_one_statement(counted: CountedServer, bank: Bank, pool: Pool) -> None:
    path = await submit(counted, bank, pool, "polls")
    student = counted.api.as_("student", sub="polls")
    await student.get(f"{path}/status")
    counted.start_counting()
    full = await student.get(f"{path}/status")
    conditional = await student.get(f"{path}/status", If_None_Match=full.headers["ETag"])
    assert (full.status, conditional.status) == (200, 304)
    assert counted.executed == ["read_status", "read_status"]
    assert (counted.postgres.round_trips, counted.redis.count) == (2, 0)
