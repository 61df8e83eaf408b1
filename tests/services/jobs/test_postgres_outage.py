"""A Postgres that goes away in the middle of a job, and comes back: really gone, by a line that is cut."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.records.jobs import ClaimedJob
from app.domain.states import JobType
from app.repositories import jobs
from app.repositories.jobs import FinishedJob
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool
from app.services.jobs.runner import JobLimits, JobRunner
from app.wiring.pool import open_pool
from tests.bank import Bank
from tests.fakes.breakable_proxy import BreakableProxy, breakable_proxy
from tests.fakes.conditions import until
from tests.fakes.scripted_handler import ScriptedHandler, hangs, raises
from tests.job_runner import job_id, submit

LEASE = 0.6


@dataclass
class AWorker:
    pipeline: JobRunner
    work: ScriptedHandler
    line: BreakableProxy
    gpt: UUID


@pytest.fixture
async def worker(database_url: str, redis_url: str, pool: Pool, bank: Bank) -> AsyncIterator[AWorker]:
    """A worker whose line to Postgres can be cut, and a job that is due."""
    gpt = await job_id(pool, await submit(pool, bank), JobType.GPT)
    bell = JobQueue(job_queue.connect(redis_url))
    async with breakable_proxy(database_url) as line, open_pool(line.url, "a worker", 4) as own:
        work = ScriptedHandler(own)
        limits = JobLimits(lease_seconds=LEASE, max_crashes=3, retry_delay=1)
        yield AWorker(JobRunner(own, bell, dict.fromkeys(JobType, work), limits), work, line, gpt)
    await bell.redis.aclose()


async def state(pool: Pool, gpt: UUID) -> tuple[str, int, int, int]:
    row: asyncpg.Record | None = await pool.fetchrow(
        "SELECT status, fence, attempts, crashes FROM async_jobs WHERE id = $1", gpt
    )
    assert row is not None
    return row["status"], row["fence"], row["attempts"], row["crashes"]


async def test_a_job_is_handed_back_uncharged_when_postgres_is_back(worker: AWorker, pool: Pool) -> None:
    """Away for longer than the lease, so that the work had to be cancelled."""
    worker.work.script = [hangs]
    running = asyncio.create_task(worker.pipeline.run(worker.gpt))
    await worker.work.started.wait()
    worker.line.cut()
    await asyncio.wait_for(worker.work.cancelled.wait(), 10)
    assert await state(pool, worker.gpt) == ("in_progress", 1, 1, 0)
    await worker.line.restore()
    await asyncio.wait_for(running, 10)
    assert await state(pool, worker.gpt) == ("queued", 1, 0, 0)


async def test_who_took_the_job_over_keeps_it(worker: AWorker, pool: Pool) -> None:
    """Only this worker's line is cut; another claims the job meanwhile."""
    worker.work.script = [hangs]
    running = asyncio.create_task(worker.pipeline.run(worker.gpt))
    await worker.work.started.wait()
    worker.line.cut()
    await asyncio.wait_for(worker.work.cancelled.wait(), 10)
    await until(lambda: jobs.claim(pool, worker.gpt, 60))
    await worker.line.restore()
    await asyncio.wait_for(running, 10)
    assert await state(pool, worker.gpt) == ("in_progress", 2, 1, 1)


async def test_a_statement_that_breaks_is_no_failure_of_the_job(worker: AWorker, pool: Pool) -> None:
    async def breaks(job: ClaimedJob) -> FinishedJob | None:
        worker.line.cut()
        try:
            return await worker.work.finish(job)
        finally:
            await worker.line.restore()

    worker.work.script = [breaks]
    await asyncio.wait_for(worker.pipeline.run(worker.gpt), 10)
    assert await state(pool, worker.gpt) == ("queued", 1, 0, 0)
    await until(lambda: pool.fetchval("SELECT run_after <= now() FROM async_jobs WHERE id = $1", worker.gpt))
    await worker.pipeline.run(worker.gpt)
    assert await state(pool, worker.gpt) == ("completed", 2, 1, 0)


async def test_a_claim_without_postgres_is_dropped(worker: AWorker, pool: Pool) -> None:
    worker.line.cut()
    await worker.pipeline.run(worker.gpt)
    await worker.pipeline.run(uuid4())
    assert (worker.work.claims, await state(pool, worker.gpt)) == ([], ("queued", 0, 0, 0))


async def test_a_missing_file_of_our_own_is_no_absent_postgres(worker: AWorker, pool: Pool) -> None:
    worker.work.script = [raises(FileNotFoundError(2, "No such file", "coefficients.json"))]
    await worker.pipeline.run(worker.gpt)
    status, _, attempts, _ = await state(pool, worker.gpt)
    error = await pool.fetchval("SELECT error ->> 'code' FROM async_jobs WHERE id = $1", worker.gpt)
    assert (status, attempts, error) == ("queued", 1, "internal_error")


@pytest.mark.parametrize("where", ["postgresql://u@localhost.invalid:5432/d", "postgresql:///d?host=/no/such/folder"])
async def test_a_postgres_that_is_nowhere_is_away(where: str) -> None:
    async with open_pool(where, "nobody", 1) as nowhere:
        with pytest.raises(DATABASE_UNAVAILABLE):
            await nowhere.fetchval("SELECT 1")
