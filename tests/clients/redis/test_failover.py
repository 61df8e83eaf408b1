"""After a failover, clients leave the demoted server although it keeps their connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from app.clients.redis import job_queue
from app.clients.redis.change_feed import ChangeFeed
from app.clients.redis.connections import cannot_write
from app.clients.redis.job_queue import REDIS_UNAVAILABLE, JobQueue, queue_key
from app.clients.redis.subscription import subscribe
from app.domain.job.notification import JobNotification
from app.domain.states import JobType
from tests.fakes.conditions import until
from tests.fakes.redis_pair import RedisPair, redis_pair

CHANNEL = "some-channel"


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[RedisPair]:
    async with redis_pair(tmp_path) as pair:
        yield pair


@pytest.fixture
async def queue(pair: RedisPair) -> AsyncIterator[JobQueue]:
    queue = JobQueue(job_queue.connect(pair.url))
    yield queue
    await queue.redis.aclose()


async def notify(queue: JobQueue) -> None:
    await queue.notify([JobNotification(uuid4(), JobType.GPT, 0)])


async def test_the_first_refused_write_leads_to_the_new_primary(pair: RedisPair, queue: JobQueue) -> None:
    # Several connections, each of which would otherwise fail once.
    await asyncio.gather(*(notify(queue) for _ in range(5)))
    await pair.fail_over()
    with pytest.raises(ReadOnlyError):
        await notify(queue)
    await asyncio.gather(*(notify(queue) for _ in range(5)))
    assert await pair.command(pair.primary, "ZCARD", queue_key(JobType.GPT)) == 10


async def test_the_relay_does_not_take_a_replica_for_available(pair: RedisPair, queue: JobQueue) -> None:
    assert await queue.queue_lengths()
    await pair.fail_over()
    with pytest.raises(REDIS_UNAVAILABLE):
        await queue.queue_lengths()
    assert await queue.queue_lengths()


async def test_a_full_server_is_left_and_tried_again(pair: RedisPair, queue: JobQueue) -> None:
    await pair.command(pair.primary, "CONFIG SET", "maxmemory", "1")
    for work in (queue.check_writable(), notify(queue), queue.queue_lengths()):
        with pytest.raises(OutOfMemoryError):
            await work
    await pair.command(pair.primary, "CONFIG SET", "maxmemory", "0")
    await notify(queue)


async def test_scripts_that_a_server_does_not_know_are_loaded(pair: RedisPair, queue: JobQueue) -> None:
    await notify(queue)
    await pair.command(pair.primary, "SCRIPT FLUSH")
    await notify(queue)


async def test_a_quiet_subscription_moves_to_the_new_primary(pair: RedisPair) -> None:
    """Also from a server that was only cut off, so that it neither closes the connection nor refuses anything."""
    heard: list[bytes] = []

    async def listen(redis: Redis) -> None:
        async with aclosing(subscribe(redis, CHANNEL, 0.1, quiet_seconds=0.5)) as messages:
            async for message in messages:
                heard.extend([message] if message else [])

    async with job_queue.connect(pair.url) as redis:
        listening = asyncio.create_task(listen(redis))
        await until(lambda: _publish(pair, heard))
        heard.clear()
        await pair.isolate()
        await until(lambda: _publish(pair, heard))
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


async def _publish(pair: RedisPair, heard: list[bytes]) -> bool:
    await pair.command(pair.primary, "PUBLISH", CHANNEL, "x")
    return bool(heard)


async def test_the_change_feed_goes_on_after_a_failover(pair: RedisPair) -> None:
    assessment_id = uuid4()
    async with job_queue.connect(pair.url) as redis, job_queue.connect(pair.url) as other:
        feed, publishing = ChangeFeed(redis), ChangeFeed(other)
        publisher = asyncio.create_task(publishing.run_publisher())
        async with aclosing(feed.subscribe()) as changes:
            assert await anext(changes) is None
            await pair.fail_over()
            publishing.publish(assessment_id)
            assert await anext(changes) == frozenset([assessment_id])
        publisher.cancel()
        with suppress(asyncio.CancelledError):
            await publisher


@pytest.mark.parametrize(
    "message",
    [
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "NOREPLICAS Not enough good replicas to write.",
        "MISCONF Errors writing to the AOF file: No space left on device",
        "Error running script (call to f_1): @user_script:3: -READONLY You can't write against a read only replica.",
    ],
)
def test_errors_of_servers_that_cannot_write(message: str) -> None:
    assert cannot_write(ResponseError(message))


def test_other_errors_do_not_close_connections() -> None:
    for error in (ResponseError("WRONGTYPE Operation against a key"), RedisError("x"), OSError("READONLY")):
        assert not cannot_write(error)
