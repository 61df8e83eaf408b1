"""The rights of a Redis user: those of docs/deployment.md are enough, and each that is missing is shown."""

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from app.clients.llm.gate import ModelGate
from app.clients.redis import job_queue
from app.clients.redis.change_feed import ChangeFeed
from app.clients.redis.job_queue import JobQueue, MessageTaker, queue_key
from app.domain.job.notification import JobNotification
from app.domain.states import JobType
from app.services.checks.check import CheckStatus
from app.services.checks.redis import check_redis
from app.services.operations import RedisCheck

DOCUMENT = Path(__file__).parents[3] / "docs" / "deployment.md"


@pytest.fixture
async def admin(redis_url: str) -> AsyncIterator[Redis]:
    """A client that may do everything."""
    async with Redis.from_url(redis_url) as client:
        yield client
        await client.acl_deluser("assay")


async def client_with(admin: Redis, redis_url: str, *more_rules: str) -> Redis:
    """The service's client as the user of the documentation, with more rules."""
    [rules] = re.findall(r"^ACL SETUSER assay on >PASSWORD (.+)$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    words = "ACL SETUSER assay reset on >PASSWORD", rules, *more_rules
    await admin.execute_command(*" ".join(words).split())  # type: ignore[no-untyped-call]
    return job_queue.connect(redis_url.replace(urlsplit(redis_url).netloc.rpartition("@")[0], "assay:PASSWORD"))


async def test_the_documented_rights_are_enough(admin: Redis, redis_url: str) -> None:
    async with await client_with(admin, redis_url) as redis:
        queue = JobQueue(redis)
        await queue.notify([JobNotification(uuid4(), JobType.GPT, 0)])
        assert (await queue.queue_lengths())[JobType.GPT] == 1
        assert len((await MessageTaker(redis, queue_key(JobType.GPT)).take(5, 5, {})).taken) == 1
        async with aclosing(ChangeFeed(redis).subscribe()) as changes:
            assert await anext(changes) is None
        gate = ModelGate(redis, "gate", 5.0)
        async with gate.call(10):
            pass
        await gate.close()
        assert await admin.exists("assay:model-gate:gate"), "it did not do without Redis"
        assert await RedisCheck(queue).read() == "ok"
        assert {check.status for check in await check_redis(redis)} == {CheckStatus.OK}


@pytest.mark.parametrize(
    ("rule", "checks"),
    [
        ("-@scripting", ["redis scripts"]),
        ("-@pubsub", ["redis scripts", "redis channels"]),
        ("-subscribe", ["redis channels"]),
        ("-@write", ["redis writes", "redis scripts"]),
        ("-zadd", ["redis scripts"]),
        ("resetchannels", ["redis scripts", "redis channels"]),
        ("resetkeys", ["redis writes", "redis scripts"]),
    ],
)
async def test_a_right_that_is_missing_is_shown(admin: Redis, redis_url: str, rule: str, checks: list[str]) -> None:
    async with await client_with(admin, redis_url, rule) as redis:
        failed = [check for check in await check_redis(redis) if check.status is CheckStatus.FAILED]
        assert [check.name for check in failed] == checks
        assert all("docs/deployment.md" in (check.action or "") for check in failed)
        if "redis scripts" in checks:
            assert "lacks a right" in await RedisCheck(JobQueue(redis)).read()


async def test_a_server_that_does_not_describe_itself(admin: Redis, redis_url: str) -> None:
    async with await client_with(admin, redis_url, "-info") as redis:
        outcomes = await check_redis(redis)
    assert [check.name for check in outcomes if check.status is not CheckStatus.OK] == ["redis"]
    assert outcomes[0].status is CheckStatus.WARNING


async def test_a_server_that_answers_no_command_at_all(redis_url: str) -> None:
    async with job_queue.connect(f"{redis_url.rsplit('/', 1)[0]}/99") as redis:
        [check] = await check_redis(redis)
        assert (check.status, check.seen) == (CheckStatus.FAILED, "DB index is out of range")
        assert check.action == "mend what the server says"
        assert "refuses commands" in await RedisCheck(JobQueue(redis)).read()


async def test_a_wrong_password_is_shown(redis_url: str) -> None:
    url = redis_url.replace(urlsplit(redis_url).netloc.rpartition("@")[0], ":wrong")
    async with job_queue.connect(url) as redis:
        assert "refuses the user" in await RedisCheck(JobQueue(redis)).read()
