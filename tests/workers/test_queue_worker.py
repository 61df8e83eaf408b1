"""Taking messages: each once, as many as there is room for, at once, and through whatever happens to Redis."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from arq.connections import ArqRedis
from redis.asyncio import Redis

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue, queue_key
from app.domain.job.notification import JobNotification
from app.domain.states import JobType
from app.local.embedded import EmbeddedValkey
from tests.fakes.conditions import until
from workers.queue_worker import QueueWorker

GPT = queue_key(JobType.GPT)


class Jobs:
    """What a worker ran; jobs end when they are let go."""

    def __init__(self) -> None:
        self.started: list[UUID] = []
        self.ended: list[UUID] = []
        self._open = asyncio.Event()

    async def hold(self, job_id: UUID) -> None:
        self.started.append(job_id)
        await self._open.wait()
        self.ended.append(job_id)

    def let_go(self) -> None:
        self._open.set()

    async def until_started(self, count: int) -> None:
        async def enough() -> bool:
            return len(self.started) >= count

        await until(enough)


@asynccontextmanager
async def taking(url: str, slots: int, run: Callable[[UUID], Awaitable[None]]) -> AsyncIterator[QueueWorker]:
    redis = job_queue.connect(url)
    worker = QueueWorker(ArqRedis(redis.connection_pool), GPT, slots, run)
    listening = asyncio.create_task(worker.async_run())
    try:
        yield worker
    finally:
        for task in (listening, *worker.tasks.values()):
            task.cancel()
        await asyncio.gather(listening, *worker.tasks.values(), return_exceptions=True)
        await redis.connection_pool.disconnect()


def rings(count: int, job_type: JobType = JobType.GPT) -> list[JobNotification]:
    return [JobNotification(uuid4(), job_type, 0) for _ in range(count)]


async def ring(url: str, messages: list[JobNotification]) -> None:
    bell = JobQueue(job_queue.connect(url))
    await bell.notify(messages)
    await bell.redis.aclose()


async def test_a_message_is_taken_once_and_leaves_nothing_behind(redis_url: str) -> None:
    jobs, messages = Jobs(), rings(300)
    jobs.let_go()
    async with taking(redis_url, 50, jobs.hold), taking(redis_url, 50, jobs.hold):
        await ring(redis_url, messages)
        await jobs.until_started(300)
    assert Counter(jobs.started) == Counter(message.job_id for message in messages)
    async with Redis.from_url(redis_url) as redis:
        assert await redis.keys() == []


async def test_ringing_again_for_the_same_claim_is_one_message(redis_url: str) -> None:
    messages = rings(2)
    await ring(redis_url, messages)
    await ring(redis_url, messages)
    async with Redis.from_url(redis_url) as redis:
        assert await redis.zcard(GPT) == 2


async def test_a_full_worker_leaves_messages_to_others_and_goes_on_when_a_job_ends(redis_url: str) -> None:
    jobs, others = Jobs(), Jobs()
    async with taking(redis_url, 3, jobs.hold) as worker, Redis.from_url(redis_url) as redis:
        await ring(redis_url, rings(10))
        await jobs.until_started(3)
        assert (len(worker.tasks), await redis.zcard(GPT)) == (3, 7)
        async with taking(redis_url, 4, others.hold):
            await others.until_started(4)
            assert await redis.zcard(GPT) == 3
            jobs.let_go()
            await jobs.until_started(6)
    assert len(set(jobs.started + others.started)) == 10


async def test_messages_come_in_the_order_of_the_rings(redis_url: str) -> None:
    jobs, messages = Jobs(), rings(30)
    jobs.let_go()
    async with Redis.from_url(redis_url) as redis:
        for age, message in enumerate(messages):
            await ring(redis_url, [message])
            await redis.zadd(GPT, {f"{message.job_id}:0": age})
    async with taking(redis_url, 1, jobs.hold):
        # Looking for the next one only now and then would take a minute.
        await jobs.until_started(30)
    assert jobs.started == [message.job_id for message in messages]


async def test_a_lost_wake_up_costs_seconds_not_a_job(redis_url: str) -> None:
    jobs, messages = Jobs(), rings(1, JobType.RAG)
    async with taking(redis_url, 1, jobs.hold), Redis.from_url(redis_url) as redis:

        async def listens() -> bool:
            return len(await redis.pubsub_channels()) == 1

        await until(listens)
        # Those who wait for another type of job were woken.
        await ring(redis_url, messages)
        await redis.rename(queue_key(JobType.RAG), GPT)
        await jobs.until_started(1)
    assert jobs.started == [messages[0].job_id]


async def test_a_job_that_raises_frees_its_place(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[UUID] = []

    async def fails(job_id: UUID) -> None:
        seen.append(job_id)
        raise RuntimeError("a fault of ours")

    async with taking(redis_url, 1, fails) as worker:
        await ring(redis_url, rings(3))

        async def done() -> bool:
            return len(seen) == 3 and not worker.tasks

        await until(done)


async def test_stopping_takes_nothing_more_and_loses_nothing_that_was_taken(redis_url: str) -> None:
    jobs = Jobs()
    async with taking(redis_url, 100, jobs.hold) as worker, Redis.from_url(redis_url) as redis:
        bell = JobQueue(redis)
        ringing = asyncio.create_task(_ring_forever(bell))
        await jobs.until_started(20)
        await worker.stop_taking()
        before = set(worker.tasks)
        waiting = await redis.zcard(GPT)

        async def more() -> bool:
            return bool(await redis.zcard(GPT) > waiting + 5)

        await until(more)
        ringing.cancel()
        assert set(worker.tasks) == before
        jobs.let_go()
        await asyncio.gather(*worker.tasks.values())
        assert len(jobs.ended) == len(before)


async def _ring_forever(bell: JobQueue) -> None:
    while True:
        await bell.notify(rings(1))


async def test_jobs_outlive_a_redis_that_is_killed_and_comes_back_empty(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path, durable=False)
    url = await asyncio.to_thread(valkey.start)
    jobs = Jobs()
    try:
        async with taking(url, 10, jobs.hold) as worker:
            for times in range(1, 4):
                await ring(url, rings(2))
                await jobs.until_started(2 * times)
                await asyncio.to_thread(valkey.kill)
                assert await asyncio.to_thread(valkey.start) == url
            await ring(url, rings(1))
            await jobs.until_started(7)
            assert len(worker.tasks) == 7
            jobs.let_go()
            await asyncio.gather(*worker.tasks.values())
        assert len(jobs.ended) == 7
    finally:
        await asyncio.to_thread(valkey.kill)
