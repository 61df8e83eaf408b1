"""The relay: notifies workers again of messages that are due and that no worker is sending."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue, queue_key
from app.domain.states import WEBHOOKS
from app.repositories import webhooks
from app.repositories.sql import Connection, Pool, statements
from app.services.jobs import maintenance
from tests.bank import Bank
from tests.webhooks import UNREACHABLE_URL, insert_deliveries

LONG_AGO = "UPDATE webhook_deliveries SET dispatched_at = now() - interval '1 min'"


@pytest.fixture
async def queue(redis_url: str) -> AsyncIterator[JobQueue]:
    """A job queue without workers."""
    queue = JobQueue(job_queue.connect(redis_url))
    yield queue
    await queue.redis.aclose()


async def notified(queue: JobQueue) -> int:
    """The number of notifications in the webhooks' queue; the other queues must be empty."""
    lengths = await queue.queue_lengths()
    assert sum(lengths.values()) == lengths[WEBHOOKS]
    return lengths[WEBHOOKS]


async def test_the_relay_notifies_again_only_after_a_while(pool: Pool, bank: Bank, queue: JobQueue) -> None:
    await insert_deliveries(pool, UNREACHABLE_URL, 3)
    for repetition in range(2):
        assert await maintenance.relay(pool, queue) == 3
        assert await maintenance.relay(pool, queue) == 0
        assert await notified(queue) == 3, repetition
        await pool.execute(LONG_AGO)


async def test_many_relays_notify_of_each_message_once(pool: Pool, bank: Bank, queue: JobQueue) -> None:
    await insert_deliveries(pool, UNREACHABLE_URL, 300)
    assert sum(await asyncio.gather(*(maintenance.relay(pool, queue) for _ in range(8)))) == 300
    assert await notified(queue) == 300


async def test_the_relay_ignores_messages_that_are_not_due(pool: Pool, bank: Bank, queue: JobQueue) -> None:
    await insert_deliveries(pool, UNREACHABLE_URL, 4)
    first, second, third, _ = [row["id"] for row in await pool.fetch("SELECT id FROM webhook_deliveries")]
    await pool.execute("UPDATE webhook_deliveries SET next_attempt_at = now() + interval '1 h' WHERE id = $1", first)
    await webhooks.claim(pool, second, 60)
    ended = "UPDATE webhook_deliveries SET status = $2, next_attempt_at = NULL, completed_at = now() WHERE id = $1"
    await pool.execute(ended, third, "delivered")
    assert await maintenance.relay(pool, queue) == 1
    await pool.execute(
        "UPDATE webhook_deliveries SET next_attempt_at = now(), dispatched_at = NULL WHERE id = $1", first
    )
    assert await maintenance.relay(pool, queue) == 1
    await pool.execute("UPDATE webhook_deliveries SET lease_expires_at = now() WHERE id = $1", second)
    assert await maintenance.relay(pool, queue) == 1


async def test_the_relay_adds_nothing_to_a_long_queue(pool: Pool, bank: Bank, queue: JobQueue) -> None:
    await insert_deliveries(pool, UNREACHABLE_URL, 1)
    await queue.redis.zadd(
        queue_key(WEBHOOKS), {f"waiting-{number}": 1 for number in range(maintenance.ENOUGH_MESSAGES)}
    )
    assert await maintenance.relay(pool, queue) == 0
    assert await notified(queue) == maintenance.ENOUGH_MESSAGES


async def test_the_relay_reads_due_messages_through_an_index(conn: Connection, pool: Pool, bank: Bank) -> None:
    """So delivered messages do not slow it down."""
    await insert_deliveries(pool, UNREACHABLE_URL, 3000)
    await pool.execute(
        "UPDATE webhook_deliveries SET status = 'delivered', next_attempt_at = NULL, completed_at = now()"
    )
    await pool.execute("ANALYZE webhook_deliveries")
    text = statements("webhooks")["take_unclaimed"].replace("$1", "2").replace("$2", "500")
    plan = "\n".join(row[0] for row in await conn.fetch(f"EXPLAIN {text}"))
    assert "webhook_deliveries_due_idx" in plan and "Seq Scan" not in plan, plan
