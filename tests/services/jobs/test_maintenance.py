"""Maintenance: missed notifications, overdue assessments, expired keys; and seeding sample data twice."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from app import sample_data
from app.clients.redis import job_queue
from app.clients.redis.job_queue import REDIS_UNAVAILABLE, JobQueue
from app.domain.states import JobType
from app.local.embedded import EmbeddedValkey
from app.repositories.sql import Pool, statements
from app.services.catalog.seed import seed
from app.services.jobs import maintenance
from tests.bank import Bank
from tests.job_runner import claim_job, submit

QUEUES = [job_queue.queue_key(job_type) for job_type in JobType]


async def messages(url: str) -> list[str]:
    """The ids of the jobs in the messages of the queues."""
    async with Redis.from_url(url) as redis:
        names = [name for queue in QUEUES for name in await redis.zrange(queue, 0, -1)]
    return sorted(name.decode().split(":")[0] for name in names)


async def due_ids(pool: Pool) -> list[str]:
    return sorted(str(row["id"]) for row in await pool.fetch("SELECT id FROM async_jobs WHERE job_type <> 'fusion'"))


async def expire_notifications(pool: Pool) -> None:
    """Makes the notifications of these jobs older than the patience with them."""
    seconds = timedelta(seconds=maintenance.NOTIFICATION_GRACE_SECONDS + 1)
    await pool.execute("UPDATE async_jobs SET dispatched_at = dispatched_at - $1::interval", seconds)


async def test_jobs_that_no_worker_takes_are_notified_again(pool: Pool, bank: Bank, redis_url: str) -> None:
    """As after a server that stopped between commit and notification, or a worker that stopped with a message."""
    await submit(pool, bank)
    queue_client = JobQueue(job_queue.connect(redis_url))
    assert await maintenance.relay(pool, queue_client) == 0
    await expire_notifications(pool)
    assert await maintenance.relay(pool, queue_client) == 2
    assert await messages(redis_url) == await due_ids(pool)
    assert await maintenance.relay(pool, queue_client) == 0
    await expire_notifications(pool)
    assert await maintenance.relay(pool, queue_client) == 2
    assert await messages(redis_url) == await due_ids(pool)
    await queue_client.redis.aclose()


async def test_a_job_whose_lease_ran_out_is_notified(pool: Pool, bank: Bank, redis_url: str) -> None:
    assessment_id = await submit(pool, bank)
    job = await claim_job(pool, assessment_id, JobType.GPT)
    await claim_job(pool, assessment_id, JobType.RAG)
    queue_client = JobQueue(job_queue.connect(redis_url))
    await expire_notifications(pool)
    assert await maintenance.relay(pool, queue_client) == 0
    expire = """UPDATE async_jobs SET lease_expires_at = now() - interval '1 ms', dispatched_at = now() - interval '1 s'
              WHERE id = $1"""
    await pool.execute(expire, job.id)
    assert await maintenance.relay(pool, queue_client) == 1
    assert await messages(redis_url) == [str(job.id)]
    assert await maintenance.relay(pool, queue_client) == 0
    await queue_client.redis.aclose()


async def test_while_redis_is_unavailable_no_job_is_marked_as_notified(pool: Pool, bank: Bank, tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path, durable=False)
    url = await asyncio.to_thread(valkey.start)
    try:
        queue_client = JobQueue(job_queue.connect(url))
        await asyncio.to_thread(valkey.kill)
        await submit(pool, bank)
        await expire_notifications(pool)
        before = await pool.fetch("SELECT * FROM async_jobs ORDER BY id")
        with pytest.raises(REDIS_UNAVAILABLE):
            await maintenance.relay(pool, queue_client)
        assert await pool.fetch("SELECT * FROM async_jobs ORDER BY id") == before
        assert await asyncio.to_thread(valkey.start) == url
        assert await maintenance.relay(pool, queue_client) == 2
        assert await messages(url) == await due_ids(pool)
        await queue_client.redis.aclose()
    finally:
        await asyncio.to_thread(valkey.kill)


async def test_of_many_relays_only_one_notifies_a_job(pool: Pool, bank: Bank, redis_url: str) -> None:
    for n in range(40):
        await submit(pool, bank, f"student-{n}")
    await expire_notifications(pool)
    queue_client = JobQueue(job_queue.connect(redis_url))
    assert sum(await asyncio.gather(*(maintenance.relay(pool, queue_client) for _ in range(8)))) == 80
    assert await messages(redis_url) == await due_ids(pool)
    await queue_client.redis.aclose()


async def test_a_long_queue_gets_no_more_messages(pool: Pool, bank: Bank, redis_url: str) -> None:
    """Jobs that wait because all workers are busy would otherwise be notified again and again."""
    await submit(pool, bank)
    await expire_notifications(pool)
    queue_client = JobQueue(job_queue.connect(redis_url))
    await queue_client.redis.zadd(
        job_queue.queue_key(JobType.GPT), {f"waiting-{n}": 1 for n in range(maintenance.ENOUGH_MESSAGES)}
    )
    assert await maintenance.relay(pool, queue_client) == 1
    rag = await pool.fetchval("SELECT id FROM async_jobs WHERE job_type = 'rag'")
    assert str(rag) in await messages(redis_url)
    await queue_client.redis.aclose()


async def test_a_retry_that_is_due_joins_a_long_queue(pool: Pool, bank: Bank, redis_url: str) -> None:
    """Otherwise it would wait until others have drained the queue, however long one student has made it."""
    await submit(pool, bank)
    await pool.execute("UPDATE async_jobs SET dispatched_at = NULL WHERE job_type = 'gpt'")
    queue_client = JobQueue(job_queue.connect(redis_url))
    await queue_client.redis.zadd(
        job_queue.queue_key(JobType.GPT), {f"waiting-{n}": 1 for n in range(maintenance.ENOUGH_MESSAGES)}
    )
    assert await maintenance.relay(pool, queue_client) == 1
    gpt = await pool.fetchval("SELECT id FROM async_jobs WHERE job_type = 'gpt'")
    assert str(gpt) in await messages(redis_url)
    assert await maintenance.relay(pool, queue_client) == 0
    await queue_client.redis.aclose()


async def insert_overdue(pool: Pool, count: int) -> None:
    await pool.execute(
        """INSERT INTO assessments (owner, track_id, expires_at)
           SELECT 'student-' || n, tracks.id, now() - interval '1 s' FROM tracks, generate_series(1, $1::int) AS n""",
        count,
    )


async def test_several_sweepers_expire_each_assessment_once(pool: Pool, bank: Bank) -> None:
    await insert_overdue(pool, 900)
    await submit(pool, bank, "submitted")
    expired = 0
    while batch := sum(await asyncio.gather(*(maintenance.expire_overdue(pool) for _ in range(8)))):
        expired += batch
    assert expired == 900
    rows = await pool.fetch(
        "SELECT DISTINCT status, revision, completed_at = expires_at AS on_time FROM assessments WHERE owner LIKE '%-%'"
    )
    assert [tuple(row) for row in rows] == [("expired", 2, True)]
    assert await pool.fetchval("SELECT count(*) FROM assessments WHERE status = 'submitted'") == 1


async def test_a_sweep_finds_its_rows_by_their_ids_without_statistics(pool: Pool, bank: Bank) -> None:
    """The table was never analyzed, so the planner expects a handful of overdue rows."""
    await insert_overdue(pool, 900)
    sweep = statements("assessments")["expire_overdue"].replace("$1", "500")
    plan = "\n".join(row[0] for row in await pool.fetch(f"EXPLAIN (ANALYZE, TIMING OFF) {sweep}"))
    assert "rows=500" in plan and "Rows Removed by Join Filter" not in plan, plan


async def test_expired_keys_are_deleted_in_batches(pool: Pool) -> None:
    insert = """INSERT INTO idempotency_keys (owner, path, key, fingerprint, status, body, expires_at)
                SELECT 's', '/p', $1 || n, '', 201, '', now() + $2::interval FROM generate_series(1, $3::int) AS n"""
    await pool.execute(insert, "old", timedelta(seconds=-1), 1100)
    await pool.execute(insert, "young", timedelta(seconds=60), 3)
    batches = [await maintenance.delete_expired_keys(pool) for _ in range(4)]
    assert batches == [500, 500, 100, 0]
    assert await pool.fetchval("SELECT count(*) FROM idempotency_keys") == 3


async def test_seeding_again_changes_nothing(pool: Pool) -> None:
    async def seed_samples() -> int:
        return await seed(
            pool, sample_data.tracks(), sample_data.questions(), sample_data.credentials(), lambda _: None
        )

    assert await seed_samples() > 100
    await pool.execute("UPDATE questions SET deleted_at = now() WHERE id = (SELECT min(id::text)::uuid FROM questions)")
    counts = "SELECT (SELECT count(*) FROM question_versions), (SELECT count(*) FROM credential_versions)"
    before = await pool.fetchrow(counts)
    assert await seed_samples() == 0
    assert await pool.fetchrow(counts) == before
    assert await pool.fetchval("SELECT count(*) FROM questions WHERE deleted_at IS NOT NULL") == 1
