"""Receivers that are slow or dead delay only their own messages and those of the same owner."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest
from arq.connections import ArqRedis

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue, queue_key
from app.domain.states import WEBHOOKS
from app.lifecycle import cancel_and_wait
from app.repositories.sql import Pool
from app.services.jobs import maintenance
from app.services.webhooks.deliver import WebhookDelivery
from app.services.webhooks.slots import SLOTS as PLACES
from app.services.webhooks.slots import DeliverySlots, Shared
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.scripted_resolver import ScriptedResolver
from tests.fakes.webhook_receiver import WebhookReceiver, webhook_receiver
from tests.webhooks import HeldResponse, insert_deliveries, open_delivery, wait_for_requests
from workers.queue_worker import QueueWorker
from workers.schedules import Schedule, repeat

MANY = 40
# Slots of the worker. Fewer than the slow receiver's messages, which could otherwise not take them all.
SLOTS = 16
PER_HOST = PLACES[Shared.HOST]


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
            await wait_for_requests(slow, PER_HOST)
            await insert_deliveries(pool, fast.url, MANY)
            await wait_for_requests(fast, MANY)
            assert (len(slow.requests), held.most) == (PER_HOST, PER_HOST)
            untried = """SELECT count(*) FROM webhook_deliveries d JOIN assessments a ON a.id = d.assessment_id
                         WHERE a.webhook_url = $1 AND d.status = 'pending' AND d.attempts = 0"""
            assert await pool.fetchval(untried, slow.url) == MANY
            held.release()
            await wait_for_requests(slow, MANY, 60)
        assert held.most == PER_HOST


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
        await stack.enter_async_context(
            running_worker(pool, redis_url, replace(delivery, slots=DeliverySlots({**PLACES, Shared.HOST: MANY})))
        )
        await wait_for_requests(slow, SLOTS)
        await insert_deliveries(pool, fast.url, 1)
        await queue_length(redis_url, MANY + 1 - SLOTS)
        assert (held.waiting, fast.requests) == (SLOTS, [])
        held.release()
        await wait_for_requests(fast, 1)


@pytest.mark.parametrize("per_owner", [PLACES[Shared.OWNER], MANY], ids=["with the limit", "without"])
async def test_hosts_that_never_answer_hold_up_only_their_owner(
    pool: Pool, bank: Bank, redis_url: str, per_owner: int
) -> None:
    held = HeldResponse()
    async with AsyncExitStack() as stack:
        for last in range(2, 11):
            silent = await stack.enter_async_context(webhook_receiver(f"127.0.0.{last}"))
            silent.default = held
            await insert_deliveries(pool, silent.url, PER_HOST, "someone")
        delivery = await stack.enter_async_context(open_delivery(pool, seconds=60))
        slots = DeliverySlots({**PLACES, Shared.OWNER: per_owner})
        fast = await stack.enter_async_context(webhook_receiver())
        await stack.enter_async_context(running_worker(pool, redis_url, replace(delivery, slots=slots)))
        await wait_for_waiting(held, min(per_owner, SLOTS))
        await insert_deliveries(pool, fast.url, MANY)
        if per_owner < SLOTS:
            await wait_for_requests(fast, MANY)
        else:
            await queue_length(redis_url, 9 * PER_HOST + MANY - SLOTS)
        assert (len(fast.requests), held.most) == ((MANY, per_owner) if per_owner < SLOTS else (0, SLOTS))
        held.release()
        await wait_for_requests(fast, MANY)


async def test_names_of_one_address_share_its_slots(pool: Pool, bank: Bank, redis_url: str) -> None:
    held, per_address = HeldResponse(), 4
    async with (
        webhook_receiver("127.0.0.2") as silent,
        webhook_receiver() as fast,
        open_delivery(pool, seconds=60, resolver=ScriptedResolver(["127.0.0.2"])) as delivery,
    ):
        silent.default = held
        for number in range(MANY):
            await insert_deliveries(pool, f"http://host-{number}.example:{silent.port}/", 1, f"owner-{number}")
        limited = replace(delivery, slots=DeliverySlots({**PLACES, Shared.ADDRESS: per_address}))
        async with running_worker(pool, redis_url, limited):
            await wait_for_waiting(held, per_address)
            await insert_deliveries(pool, fast.url, per_address)
            await wait_for_requests(fast, per_address)
            assert held.most == per_address
            assert await pool.fetchval("SELECT count(*) FROM webhook_attempts t WHERE t.error IS NOT NULL") == 0
            held.release()
            await wait_for_requests(silent, MANY, 60)


async def queue_length(redis_url: str, length: int) -> None:
    """Returns when so many messages are in the queue and not being sent."""
    queue = JobQueue(job_queue.connect(redis_url))

    async def reached() -> bool:
        return (await queue.queue_lengths())[WEBHOOKS] == length

    await until(reached)
    await queue.redis.aclose()


async def wait_for_waiting(held: HeldResponse, count: int) -> None:
    """Returns when so many requests wait for the response."""

    async def enough() -> bool:
        return held.waiting >= count

    await until(enough, 20)
