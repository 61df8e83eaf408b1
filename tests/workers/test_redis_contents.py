"""Nothing that Redis contains ends a worker, and jobs go on whatever it contains."""

import asyncio
import signal

import pytest
import structlog.testing
from redis.asyncio import Redis

from app.clients.redis.change_feed import ChangeFeed
from app.clients.redis.job_queue import JobQueue, connect, owner_digest, queue_key, wakeup_channel
from app.domain.states import QUEUES
from app.repositories.sql import Pool
from app.services.jobs import maintenance
from tests.bank import Bank
from tests.clients.redis.garbage import CONTENTS, KINDS, MEMBERS, PUBLISHED, spoil_key, spoil_queue
from tests.fakes.conditions import until
from tests.fakes.model_server import ModelServer
from tests.job_runner import submit
from tests.workers.conftest import StartWorker
from tests.workers.test_queue_worker import GPT, Jobs, notifications, notify, running_worker
from tests.workers.test_worker_process import SECONDS, by_model, until_completed


@pytest.mark.parametrize("kind", KINDS)
async def test_a_queue_of_another_type_is_replaced(redis_url: str, kind: tuple[str | bytes, ...]) -> None:
    jobs = Jobs()
    async with running_worker(redis_url, 3, jobs.hold), Redis.from_url(redis_url) as redis:
        await spoil_key(redis, GPT, kind)
        await notify(redis_url, notifications(1))
        await jobs.until_started(1)
        await spoil_key(redis, GPT, kind)
        await redis.publish(wakeup_channel(GPT), b"\xff")

        async def deleted_by_the_worker() -> bool:
            return not await redis.exists(GPT)

        await until(deleted_by_the_worker)
        await notify(redis_url, notifications(1))
        await jobs.until_started(2)


async def test_members_and_messages_that_cannot_be_read_are_dropped(redis_url: str) -> None:
    jobs, messages = Jobs(), notifications(2)
    async with Redis.from_url(redis_url) as redis:
        with structlog.testing.capture_logs() as logs:
            async with running_worker(redis_url, 3, jobs.hold) as worker:
                await spoil_queue(redis, GPT)
                await notify(redis_url, messages)
                await jobs.until_started(2)

                async def only_those_run() -> bool:
                    return not await redis.exists(GPT) and len(worker.tasks) == 2

                await until(only_those_run)
        assert await redis.keys("arq:*") == []
    assert set(jobs.started) == {message.job_id for message in messages}
    assert 0 < sum(line["event"] == "message_dropped" for line in logs) <= len(MEMBERS) + len(CONTENTS) + len(KINDS)
    assert max(len(str(line)) for line in logs) < 10_000


@pytest.mark.parametrize("kind", KINDS)
async def test_a_turn_of_another_type_is_no_turn(redis_url: str, kind: tuple[str | bytes, ...]) -> None:
    jobs, messages = Jobs(), notifications(3)
    messages = [type(message)(message.job_id, message.queue, message.fence, "ann") for message in messages]
    async with Redis.from_url(redis_url) as redis:
        for message in messages:
            await spoil_key(redis, f"assay:turn:{GPT}:{owner_digest('ann')}", kind)
            await notify(redis_url, [message])
        await spoil_key(redis, f"assay:turn:{GPT}:{owner_digest('ann')}", kind)
        async with running_worker(redis_url, 1, jobs.hold):
            jobs.release()
            await jobs.until_started(3)


async def test_the_relay_goes_on_with_queues_of_another_type(pool: Pool, bank: Bank, redis_url: str) -> None:
    await submit(pool, bank)
    await pool.execute("UPDATE async_jobs SET dispatched_at = NULL")
    redis = connect(redis_url)
    for queue in QUEUES:
        await redis.set(queue_key(queue), "text")
    await spoil_key(redis, "assay:write-check", KINDS[2])
    assert await maintenance.relay(pool, JobQueue(redis)) == 2
    assert await redis.zcard(GPT) == 1
    await redis.aclose()


async def test_published_garbage_is_a_reason_to_look_at_most(redis_url: str) -> None:
    redis = connect(redis_url)
    async with Redis.from_url(redis_url) as stranger:
        changes = ChangeFeed(redis).subscribe()
        assert await anext(changes) is None
        for message in PUBLISHED:
            await stranger.publish("assay:changed", message)
        ids = [await anext(changes) for _ in PUBLISHED]
    assert [None if notified is None else len(notified) for notified in ids] == [0, 0, 1, 1, None, 0, 0]
    await changes.aclose()
    await redis.aclose()


async def test_a_worker_process_survives_everything(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer, redis_url: str
) -> None:
    worker = await start_worker(**by_model(provider))
    async with Redis.from_url(redis_url) as redis:
        for number, kind in enumerate(KINDS):
            for queue in QUEUES:
                await spoil_queue(redis, queue_key(queue))
                await redis.publish(wakeup_channel(queue_key(queue)), PUBLISHED[number])
                await spoil_key(redis, f"{queue_key(queue)}:health-check", kind)
            for key in [*await redis.keys("assay:*"), b"assay:write-check"]:
                await spoil_key(redis, key.decode(), kind)
            await redis.publish("assay:changed", PUBLISHED[number])
            await until_completed(pool, await submit(pool, bank, f"student-{number}", bank.answers(single="A")))
            for queue in QUEUES:
                await spoil_key(redis, queue_key(queue), kind)
            await until_completed(pool, await submit(pool, bank, f"student-{number}", bank.all_answers()))
    assert worker.process.returncode is None
    assert await asyncio.wait_for(worker.end(signal.SIGTERM), SECONDS) == 0
    assert not worker.has_logged("redis_unavailable")
