"""Messages that someone should be sending and nobody is: rung for again, once, and only when it is time."""

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
from tests.webhooks import NOWHERE, planted_many

LONG_AGO = "UPDATE webhook_deliveries SET dispatched_at = now() - interval '1 min'"


@pytest.fixture
async def bell(redis_url: str) -> AsyncIterator[JobQueue]:
    """The doorbell, which nobody hears."""
    bell = JobQueue(job_queue.connect(redis_url))
    yield bell
    await bell.redis.aclose()


async def rung(bell: JobQueue) -> int:
    waiting = await bell.queue_lengths()
    assert sum(waiting.values()) == waiting[WEBHOOKS]
    return waiting[WEBHOOKS]


async def test_rings_for_what_nobody_heard_and_trusts_the_ring_for_a_while(
    pool: Pool, bank: Bank, bell: JobQueue
) -> None:
    await planted_many(pool, NOWHERE, 3)
    for ring in range(2):
        assert await maintenance.relay(pool, bell) == 3
        assert await maintenance.relay(pool, bell) == 0
        assert await rung(bell) == 3, ring
        await pool.execute(LONG_AGO)


async def test_of_many_relays_one_rings(pool: Pool, bank: Bank, bell: JobQueue) -> None:
    await planted_many(pool, NOWHERE, 300)
    assert sum(await asyncio.gather(*(maintenance.relay(pool, bell) for _ in range(8)))) == 300
    assert await rung(bell) == 300


async def test_what_is_not_due_is_left_alone(pool: Pool, bank: Bank, bell: JobQueue) -> None:
    await planted_many(pool, NOWHERE, 4)
    first, second, third, _ = [row["id"] for row in await pool.fetch("SELECT id FROM webhook_deliveries")]
    await pool.execute("UPDATE webhook_deliveries SET next_attempt_at = now() + interval '1 h' WHERE id = $1", first)
    await webhooks.claim(pool, second, 60)
    ended = "UPDATE webhook_deliveries SET status = $2, next_attempt_at = NULL, completed_at = now() WHERE id = $1"
    await pool.execute(ended, third, "delivered")
    assert await maintenance.relay(pool, bell) == 1
    await pool.execute(
        "UPDATE webhook_deliveries SET next_attempt_at = now(), dispatched_at = NULL WHERE id = $1", first
    )
    assert await maintenance.relay(pool, bell) == 1
    await pool.execute("UPDATE webhook_deliveries SET lease_expires_at = now() WHERE id = $1", second)
    assert await maintenance.relay(pool, bell) == 1


async def test_a_long_queue_is_not_made_longer(pool: Pool, bank: Bank, bell: JobQueue) -> None:
    await planted_many(pool, NOWHERE, 1)
    await bell.redis.zadd(queue_key(WEBHOOKS), {f"waiting-{number}": 1 for number in range(maintenance.ENOUGH)})
    assert await maintenance.relay(pool, bell) == 0
    assert await rung(bell) == maintenance.ENOUGH


async def test_looking_for_them_reads_only_what_is_due(conn: Connection, pool: Pool, bank: Bank) -> None:
    """However many were delivered: an index knows the others."""
    await planted_many(pool, NOWHERE, 3000)
    await pool.execute(
        "UPDATE webhook_deliveries SET status = 'delivered', next_attempt_at = NULL, completed_at = now()"
    )
    await pool.execute("ANALYZE webhook_deliveries")
    text = statements("webhooks")["take_unheard"].replace("$1", "2").replace("$2", "500")
    plan = "\n".join(row[0] for row in await conn.fetch(f"EXPLAIN {text}"))
    assert "webhook_deliveries_due_idx" in plan and "Seq Scan" not in plan, plan
