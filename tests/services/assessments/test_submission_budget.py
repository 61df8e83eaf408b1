"""What a submission and a status poll cost, counted on the wire."""

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
from tests.fakes.counting_proxy import RoundTrips, Statements, counting

NAMES = {text: name for module in modules() for name, text in statements(module).items()}


@dataclass
class Counted:
    api: Api
    postgres: Statements
    redis: RoundTrips

    def begin(self) -> None:
        self.postgres.executed.clear()
        self.postgres.trips = self.redis.count = 0

    @property
    def executed(self) -> list[str]:
        return [NAMES.get(text, text) for text in self.postgres.executed]


@pytest.fixture
async def counted(aiohttp_client: AiohttpClient, settings: Settings) -> AsyncIterator[Counted]:
    """A server that reaches its servers through proxies which count."""
    # Rings alone: that something has changed is told as well, off the path and for several at once.
    postgres, redis = Statements(), RoundTrips(b"EVALSHA")
    async with (
        counting(settings.secret("database_url"), postgres) as database_url,
        counting(settings.secret("redis_url"), redis) as redis_url,
    ):
        told = load_settings(database_url=database_url, redis_url=redis_url, jwt_secret=SECRET)
        client = await aiohttp_client(create_app(told))
        yield Counted(Api(client), postgres, redis)
        await client.close()


async def submission(counted: Counted, bank: Bank, pool: Pool, owner: str, *, key: bool = False) -> str:
    """Starts, answers, and begins to count when it submits; ends when the doorbell was rung."""
    student = counted.api.as_("student", sub=owner)
    path = (await student.post("/assessments", {"track": SLUG})).headers["Location"]
    await student.patch(f"{path}/responses", {"responses": bank.all_answers()})
    counted.begin()
    headers = {"Idempotency_Key": f"key-{owner}"} if key else {}
    assert (await student.post(f"{path}/submit", **headers)).status == 202

    async def rung() -> bool:
        return counted.redis.count > 0

    await until(rung)
    return path


@pytest.mark.parametrize("key", [False, True])
async def test_a_submission_is_one_read_one_write_and_one_ring(
    counted: Counted, bank: Bank, pool: Pool, key: bool
) -> None:
    await submission(counted, bank, pool, "warm", key=key)
    await submission(counted, bank, pool, "measured", key=key)
    assert counted.executed == ["read_for_submission", "submit"]
    assert counted.postgres.trips == 2
    assert counted.redis.count == 1


async def test_a_replay_is_one_read(counted: Counted, bank: Bank, pool: Pool) -> None:
    path = await submission(counted, bank, pool, "again", key=True)
    student = counted.api.as_("student", sub="again")
    counted.begin()
    again = await student.post(f"{path}/submit", Idempotency_Key="key-again")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (counted.executed, counted.redis.count) == (["read_for_submission"], 0)


async def test_a_status_poll_is_one_statement(counted: Counted, bank: Bank, pool: Pool) -> None:
    path = await submission(counted, bank, pool, "polls")
    student = counted.api.as_("student", sub="polls")
    await student.get(f"{path}/status")
    counted.begin()
    known = await student.get(f"{path}/status")
    conditional = await student.get(f"{path}/status", If_None_Match=known.headers["ETag"])
    assert (known.status, conditional.status) == (200, 304)
    assert counted.executed == ["read_status", "read_status"]
    assert (counted.postgres.trips, counted.redis.count) == (2, 0)
