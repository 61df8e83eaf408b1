"""Receivers that are slow or dead hold up nobody's messages but their own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from arq.connections import ArqRedis

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue, queue_key
from app.domain.states import WEBHOOKS
from app.lifecycle import end
from app.repositories.sql import Pool
from app.services.jobs import maintenance
from app.services.webhooks.deliver import SLOTS_PER_HOST, HostSlots, WebhookDelivery
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.webhook_receiver import WebhookReceiver, webhook_receiver
from tests.webhooks import Held, came, delivering, planted_many
from workers.queue_worker import QueueWorker
from workers.schedules import Schedule, repeat

CROWD = 40
# Fewer than the crowd: were its messages to wait in them, no other would come through.
SLOTS = 16


@asynccontextmanager
async def working(pool: Pool, redis_url: str, sending: WebhookDelivery) -> AsyncIterator[None]:
    """A worker that takes messages, and the relay that rings for them."""
    redis = job_queue.connect(redis_url)
    bell = JobQueue(redis)
    worker = QueueWorker(ArqRedis(redis.connection_pool), queue_key(WEBHOOKS), SLOTS, sending.run)

    relay = Schedule("relay", 0.05, lambda: maintenance.relay(pool, bell))
    tasks = [asyncio.create_task(worker.async_run()), asyncio.create_task(repeat(relay))]
    try:
        yield
    finally:
        await worker.stop_taking()
        await end(*tasks, *worker.tasks.values())
        await redis.connection_pool.disconnect()


async def test_a_fast_receiver_gets_its_messages_while_a_slow_one_has_not_answered_one(
    pool: Pool, bank: Bank, redis_url: str
) -> None:
    held = Held()
    async with (
        webhook_receiver("127.0.0.2") as slow,
        webhook_receiver() as fast,
        delivering(pool, seconds=60) as sending,
    ):
        slow.default = held
        await planted_many(pool, slow.url, CROWD)
        async with working(pool, redis_url, sending):
            await came(slow, SLOTS_PER_HOST)
            await planted_many(pool, fast.url, CROWD)
            await came(fast, CROWD)
            assert (len(slow.requests), held.most) == (SLOTS_PER_HOST, SLOTS_PER_HOST)
            untried = """SELECT count(*) FROM webhook_deliveries d JOIN assessments a ON a.id = d.assessment_id
                         WHERE a.webhook_url = $1 AND d.status = 'pending' AND d.attempts = 0"""
            assert await pool.fetchval(untried, slow.url) == CROWD
            held.let_go()
            await came(slow, CROWD, 60)
        assert held.most == SLOTS_PER_HOST


async def test_without_places_for_a_host_the_slow_one_takes_them_all(pool: Pool, bank: Bank, redis_url: str) -> None:
    """The control: its messages wait in every slot of the worker."""
    held = Held()
    async with AsyncExitStack() as stack:
        slow: WebhookReceiver = await stack.enter_async_context(webhook_receiver("127.0.0.2"))
        fast = await stack.enter_async_context(webhook_receiver())
        sending = await stack.enter_async_context(delivering(pool, seconds=60))
        slow.default = held
        await planted_many(pool, slow.url, CROWD)
        await stack.enter_async_context(working(pool, redis_url, replace(sending, hosts=HostSlots(CROWD))))
        await came(slow, SLOTS)
        await planted_many(pool, fast.url, 1)
        bell = JobQueue(job_queue.connect(redis_url))

        async def rung() -> bool:
            return (await bell.queue_lengths())[WEBHOOKS] > CROWD - SLOTS

        await until(rung)
        assert (held.waiting, fast.requests) == (SLOTS, [])
        held.let_go()
        await came(fast, 1)
        await bell.redis.aclose()
