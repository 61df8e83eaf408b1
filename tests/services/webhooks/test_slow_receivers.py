"""Receivers that are slow or dead delay only their own messages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from arq.connections import ArqRedis

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue, queue_key
from app.domain.states import WEBHOOKS
from app.lifecycle import cancel_and_wait
from app.repositories.sql import Pool
from app.services.jobs import maintenance
from app.services.webhooks.deliver import SLOTS_PER_HOST, HostSlots, WebhookDelivery
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.webhook_receiver import WebhookReceiver, webhook_receiver
from tests.webhooks import HeldResponse, insert_deliveries, open_delivery, wait_for_requests
from workers.queue_worker import QueueWorker
from workers.schedules import Schedule, repeat

MANY = 40
# Slots of the worker. Fewer than the slow receiver's messages, which could otherwise not take them all.
SLOTS = 16


@asynccontextmanager
async def running_worker(pool: Pool, redis_url: str, delivery: WebhookDelivery) -> AsyncIterator[None]:
    """Runs a worker of the webhooks' queue and the relay that notifies it."""
    redis = job_queue.connect(redis_url)
    queue = JobQueue(redis)
    worker = QueueWorker(ArqRedis(redis.connection_pool), queue_key(WEBHOOKS), SLOTS, delivery.run)

    relay = Schedule("relay", 0.05, lambda: maintenance.relay(pool, queue))
    tasks = [asyncio.create_task(worker.async_run()), asyncio.create_task(repeat(relay))]
    try:
        yield
    finally:
        await worker.stop_taking()
        await cancel_and_wait(*tasks, *worker.tasks.values())
        await redis.connection_pool.disconnect()


async def test_a_fast_receiver_gets_all_messages_while_a_slow_one_answers_none(
    pool: Pool, bank: Bank, redis_url: str
) -> None:
    held = HeldResponse()
    async with (
        webhook_receiver("127.0.0.2") as slow,
        webhook_receiver() as fast,
        open_delivery(pool, seconds=60) as delivery,
    ):
        slow.default = held
        await insert_deliveries(pool, slow.url, MANY)
        async with running_worker(pool, redis_url, delivery):
            await wait_for_requests(slow, SLOTS_PER_HOST)
            await insert_deliveries(pool, fast.url, MANY)
            await wait_for_requests(fast, MANY)
            assert (len(slow.requests), held.most) == (SLOTS_PER_HOST, SLOTS_PER_HOST)
            untried = """SELECT count(*) FROM webhook_deliveries d JOIN assessments a ON a.id = d.assessment_id
                         WHERE a.webhook_url = $1 AND d.status = 'pending' AND d.attempts = 0"""
            assert await pool.fetchval(untried, slow.url) == MANY
            held.release()
            await wait_for_requests(slow, MANY, 60)
        assert held.most == SLOTS_PER_HOST


async def test_without_a_limit_per_host_the_slow_receiver_takes_all_slots(
    pool: Pool, bank: Bank, redis_url: str
) -> None:
    """The counterexample: its messages wait in every slot of the worker."""
    held = HeldResponse()
    async with AsyncExitStack() as stack:
        slow: WebhookReceiver = await stack.enter_async_context(webhook_receiver("127.0.0.2"))
        fast = await stack.enter_async_context(webhook_receiver())
        delivery = await stack.enter_async_context(open_delivery(pool, seconds=60))
        slow.default = held
        await insert_deliveries(pool, slow.url, MANY)
        await stack.enter_async_context(running_worker(pool, redis_url, replace(delivery, hosts=HostSlots(MANY))))
        await wait_for_requests(slow, SLOTS)
        await insert_deliveries(pool, fast.url, 1)
        queue = JobQueue(job_queue.connect(redis_url))

        async def queue_is_long() -> bool:
            return (await queue.queue_lengths())[WEBHOOKS] > MANY - SLOTS

        await until(queue_is_long)
        assert (held.waiting, fast.requests) == (SLOTS, [])
        held.release()
        await wait_for_requests(fast, 1)
        await queue.redis.aclose()
