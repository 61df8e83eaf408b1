"""The queue worker takes each message once, as many as it has slots, at once, and survives outages of Redis."""

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
from tests.fakes.redis_pair import redis_pair
from workers.queue_worker import QueueWorker

GPT = queue_key(JobType.GPT)


class Jobs:
    """The jobs that a worker ran; they end when the test releases them."""

    def __init__(self) -> None:
        self.started: list[UUID] = []
        self.ended: list[UUID] = []
        self._open = asyncio.Event()

    async def hold(self, job_id: UUID) -> None:
        self.started.append(job_id)
        await self._open.wait()
        self.ended.append(job_id)

    def release(self) -> None:
        self._open.set()

    async def until_started(self, count: int) -> None:
        async def enough() -> bool:
            return len(self.started) >= count

        await until(enough)


@asynccontextmanager
async def running_worker(url: str, slots: int, run: Callable[[UUID], Awaitable[None]]) -> AsyncIterator[QueueWorker]:
    redis = job_queue.connect(url)
    worker = QueueWorker(ArqRedis(redis.connection_pool), GPT, slots, run)
    running = asyncio.create_task(worker.async_run())
    try:
        yield worker
    finally:
        for task in (running, *worker.tasks.values()):
            task.cancel()
        await asyncio.gather(running, *worker.tasks.values(), return_exceptions=True)
        await redis.connection_pool.disconnect()


def notifications(count: int, job_type: JobType = JobType.GPT) -> list[JobNotification]:
    return [JobNotification(uuid4(), job_type, 0) for _ in range(count)]


async def notify(url: str, messages: list[JobNotification]) -> None:
    queue = JobQueue(job_queue.connect(url))
    await queue.notify(messages)
    await queue.redis.aclose()


async def test_a_message_is_taken_once_and_leaves_nothing_behind(redis_url: str) -> None:
    jobs, messages = Jobs(), notifications(300)
    jobs.release()
    async with running_worker(redis_url, 50, jobs.hold), running_worker(redis_url, 50, jobs.hold):
        await notify(redis_url, messages)
        await jobs.until_started(300)
    assert Counter(jobs.started) == Counter(message.job_id for message in messages)
    async with Redis.from_url(redis_url) as redis:
        assert await redis.keys() == []


async def test_two_notifications_of_the_same_claim_are_one_message(redis_url: str) -> None:
    messages = notifications(2)
    await notify(redis_url, messages)
    await notify(redis_url, messages)
    async with Redis.from_url(redis_url) as redis:
        assert await redis.zcard(GPT) == 2


async def test_a_full_worker_leaves_messages_to_others_and_goes_on_when_a_job_ends(redis_url: str) -> None:
    jobs, others = Jobs(), Jobs()
    async with running_worker(redis_url, 3, jobs.hold) as worker, Redis.from_url(redis_url) as redis:
        await notify(redis_url, notifications(10))
        await jobs.until_started(3)
        assert (len(worker.tasks), await redis.zcard(GPT)) == (3, 7)
        async with running_worker(redis_url, 4, others.hold):
            await others.until_started(4)
            assert await redis.zcard(GPT) == 3
            jobs.release()
            await jobs.until_started(6)
    assert len(set(jobs.started + others.started)) == 10


async def test_messages_are_taken_in_the_order_of_their_notifications(redis_url: str) -> None:
    jobs, messages = Jobs(), notifications(30)
    jobs.release()
    async with Redis.from_url(redis_url) as redis:
        for age, message in enumerate(messages):
            await notify(redis_url, [message])
            await redis.zadd(GPT, {f"{message.job_id}:0": age})
    async with running_worker(redis_url, 1, jobs.hold):
        # Taking the next one only at the next poll would take a minute.
        await jobs.until_started(30)
    assert jobs.started == [message.job_id for message in messages]


async def test_a_lost_wake_up_costs_seconds_not_a_job(redis_url: str) -> None:
    jobs, messages = Jobs(), notifications(1, JobType.RAG)
    async with running_worker(redis_url, 1, jobs.hold), Redis.from_url(redis_url) as redis:

        async def listens() -> bool:
            return len(await redis.pubsub_channels()) == 1

        await until(listens)
        # Only workers of another type of job are woken.
        await notify(redis_url, messages)
        await redis.rename(queue_key(JobType.RAG), GPT)
        await jobs.until_started(1)
    assert jobs.started == [messages[0].job_id]


async def test_a_job_that_raises_frees_its_place(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[UUID] = []

    async def fails(job_id: UUID) -> None:
        seen.append(job_id)
        raise RuntimeError("a bug of ours")

    async with running_worker(redis_url, 1, fails) as worker:
        await notify(redis_url, notifications(3))

        async def done() -> bool:
            return len(seen) == 3 and not worker.tasks

        await until(done)


async def test_stopping_takes_nothing_more_and_loses_nothing_that_was_taken(redis_url: str) -> None:
    jobs = Jobs()
    async with running_worker(redis_url, 100, jobs.hold) as worker, Redis.from_url(redis_url) as redis:
        notifying = asyncio.create_task(_notify_forever(JobQueue(redis)))
        await jobs.until_started(20)
        await worker.stop_taking()
        before = set(worker.tasks)
        waiting = await redis.zcard(GPT)

        async def more() -> bool:
            return bool(await redis.zcard(GPT) > waiting + 5)

        await until(more)
        notifying.cancel()
        assert set(worker.tasks) == before
        jobs.release()
        await asyncio.gather(*worker.tasks.values())
        assert len(jobs.ended) == len(before)


async def _notify_forever(queue: JobQueue) -> None:
    while True:
        await queue.notify(notifications(1))


async def test_jobs_survive_a_redis_that_is_killed_and_comes_back_empty(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path, durable=False)
    url = await asyncio.to_thread(valkey.start)
    jobs = Jobs()
    try:
        async with running_worker(url, 10, jobs.hold) as worker:
            for times in range(1, 4):
                await notify(url, notifications(2))
                await jobs.until_started(2 * times)
                await asyncio.to_thread(valkey.kill)
                assert await asyncio.to_thread(valkey.start) == url
            await notify(url, notifications(1))
            await jobs.until_started(7)
            assert len(worker.tasks) == 7
            jobs.release()
            await asyncio.gather(*worker.tasks.values())
        assert len(jobs.ended) == 7
    finally:
        await asyncio.to_thread(valkey.kill)


async def test_jobs_go_on_after_a_failover_that_keeps_the_connections(tmp_path: Path) -> None:
    jobs = Jobs()
    async with redis_pair(tmp_path) as pair, running_worker(pair.url, 10, jobs.hold):
        for times in range(1, 3):
            await notify(pair.url, notifications(2))
            await jobs.until_started(2 * times)
            await pair.fail_over()
        await notify(pair.url, notifications(2))
        await jobs.until_started(6)
