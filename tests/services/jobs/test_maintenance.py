"""Upkeep: rings that nobody heard, time that is over, old keys, sample data."""

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
    """The ids of the jobs that were rung for, one for each message."""
    async with Redis.from_url(url) as redis:
        found = [name for queue in QUEUES for name in await redis.zrange(queue, 0, -1)]
    return sorted(name.decode().split(":")[0] for name in found)


async def due(pool: Pool) -> list[str]:
    return sorted(str(row["id"]) for row in await pool.fetch("SELECT id FROM async_jobs WHERE job_type <> 'fusion'"))


async def long_ago(pool: Pool) -> None:
    """As if these jobs had been rung for before the patience with a ring began."""
    seconds = timedelta(seconds=maintenance.NOTIFICATION_PATIENCE + 1)
    await pool.execute("UPDATE async_jobs SET dispatched_at = dispatched_at - $1::interval", seconds)


async def test_rings_for_what_nobody_heard(pool: Pool, bank: Bank, redis_url: str) -> None:
    """A server that died between its commit and its ring, or a message that died with its worker."""
    await submit(pool, bank)
    bell = JobQueue(job_queue.connect(redis_url))
    assert await maintenance.relay(pool, bell) == 0
    await long_ago(pool)
    assert await maintenance.relay(pool, bell) == 2
    assert await messages(redis_url) == await due(pool)
    assert await maintenance.relay(pool, bell) == 0
    await long_ago(pool)
    assert await maintenance.relay(pool, bell) == 2
    assert await messages(redis_url) == await due(pool)
    await bell.redis.aclose()


async def test_rings_for_a_lease_that_ran_out(pool: Pool, bank: Bank, redis_url: str) -> None:
    assessment_id = await submit(pool, bank)
    job = await claim_job(pool, assessment_id, JobType.GPT)
    await claim_job(pool, assessment_id, JobType.RAG)
    bell = JobQueue(job_queue.connect(redis_url))
    await long_ago(pool)
    assert await maintenance.relay(pool, bell) == 0
    over = """UPDATE async_jobs SET lease_expires_at = now() - interval '1 ms', dispatched_at = now() - interval '1 s'
              WHERE id = $1"""
    await pool.execute(over, job.id)
    assert await maintenance.relay(pool, bell) == 1
    assert await messages(redis_url) == [str(job.id)]
    assert await maintenance.relay(pool, bell) == 0
    await bell.redis.aclose()


async def test_without_redis_nothing_is_lost(pool: Pool, bank: Bank, tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path, durable=False)
    url = await asyncio.to_thread(valkey.start)
    try:
        bell = JobQueue(job_queue.connect(url))
        await asyncio.to_thread(valkey.kill)
        await submit(pool, bank)
        await long_ago(pool)
        before = await pool.fetch("SELECT * FROM async_jobs ORDER BY id")
        with pytest.raises(REDIS_UNAVAILABLE):
            await maintenance.relay(pool, bell)
        assert await pool.fetch("SELECT * FROM async_jobs ORDER BY id") == before
        assert await asyncio.to_thread(valkey.start) == url
        assert await maintenance.relay(pool, bell) == 2
        assert await messages(url) == await due(pool)
        await bell.redis.aclose()
    finally:
        await asyncio.to_thread(valkey.kill)


async def test_of_many_relays_one_rings_for_a_job(pool: Pool, bank: Bank, redis_url: str) -> None:
    for n in range(40):
        await submit(pool, bank, f"student-{n}")
    await long_ago(pool)
    bell = JobQueue(job_queue.connect(redis_url))
    assert sum(await asyncio.gather(*(maintenance.relay(pool, bell) for _ in range(8)))) == 80
    assert await messages(redis_url) == await due(pool)
    await bell.redis.aclose()


async def test_a_long_queue_is_not_made_longer(pool: Pool, bank: Bank, redis_url: str) -> None:
    """Jobs that wait because all workers are busy would otherwise be rung for again and again."""
    await submit(pool, bank)
    await long_ago(pool)
    bell = JobQueue(job_queue.connect(redis_url))
    await bell.redis.zadd(
        job_queue.queue_key(JobType.GPT), {f"waiting-{n}": 1 for n in range(maintenance.ENOUGH_MESSAGES)}
    )
    assert await maintenance.relay(pool, bell) == 1
    rag = await pool.fetchval("SELECT id FROM async_jobs WHERE job_type = 'rag'")
    assert str(rag) in await messages(redis_url)
    await bell.redis.aclose()


async def insert_overdue(pool: Pool, count: int) -> None:
    await pool.execute(
        """INSERT INTO assessments (owner, track_id, expires_at)
           SELECT 'student-' || n, tracks.id, now() - interval '1 s' FROM tracks, generate_series(1, $1::int) AS n""",
        count,
    )


async def test_several_sweepers_expire_each_assessment_once(pool: Pool, bank: Bank) -> None:
    await insert_overdue(pool, 900)
    await submit(pool, bank, "submitted")
    swept = 0
    while batch := sum(await asyncio.gather(*(maintenance.expire_overdue(pool) for _ in range(8)))):
        swept += batch
    assert swept == 900
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


async def test_old_keys_are_forgotten_in_batches(pool: Pool) -> None:
    insert = """INSERT INTO idempotency_keys (owner, path, key, fingerprint, status, body, expires_at)
                SELECT 's', '/p', $1 || n, '', 201, '', now() + $2::interval FROM generate_series(1, $3::int) AS n"""
    await pool.execute(insert, "old", timedelta(seconds=-1), 1100)
    await pool.execute(insert, "young", timedelta(seconds=60), 3)
    batches = [await maintenance.delete_expired_keys(pool) for _ in range(4)]
    assert batches == [500, 500, 100, 0]
    assert await pool.fetchval("SELECT count(*) FROM idempotency_keys") == 3


async def test_seeding_again_adds_nothing_and_changes_nothing(pool: Pool) -> None:
    async def once() -> int:
        return await seed(
            pool, sample_data.tracks(), sample_data.questions(), sample_data.credentials(), lambda _: None
        )

    assert await once() > 100
    await pool.execute("UPDATE questions SET deleted_at = now() WHERE id = (SELECT min(id::text)::uuid FROM questions)")
    counts = "SELECT (SELECT count(*) FROM question_versions), (SELECT count(*) FROM credential_versions)"
    before = await pool.fetchrow(counts)
    assert await once() == 0
    assert await pool.fetchrow(counts) == before
    assert await pool.fetchval("SELECT count(*) FROM questions WHERE deleted_at IS NOT NULL") == 1
