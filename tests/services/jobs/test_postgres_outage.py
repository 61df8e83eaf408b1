"""Outages of Postgres in the middle of a job, made by a proxy that cuts the connection."""

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
SECONDS = 60.0


@dataclass
class OutageWorker:
    runner: JobRunner
    handler: ScriptedHandler
    proxy: BreakableProxy
    gpt: UUID


@pytest.fixture
async def worker(database_url: str, redis_url: str, pool: Pool, bank: Bank) -> AsyncIterator[OutageWorker]:
    """A worker whose connections to Postgres can be cut, and a due job."""
    gpt = await job_id(pool, await submit(pool, bank), JobType.GPT)
    queue = JobQueue(job_queue.connect(redis_url))
    async with breakable_proxy(database_url) as proxy, open_pool(proxy.url, "a worker", 4) as own:
        handler = ScriptedHandler(own)
        limits = JobLimits(lease_seconds=LEASE, max_crashes=3, retry_delay=1)
        yield OutageWorker(JobRunner(own, queue, dict.fromkeys(JobType, handler), limits), handler, proxy, gpt)
    await queue.redis.aclose()


async def state(pool: Pool, gpt: UUID) -> tuple[str, int, int, int]:
    row: asyncpg.Record | None = await pool.fetchrow(
        "SELECT status, fence, attempts, crashes FROM async_jobs WHERE id = $1", gpt
    )
    assert row is not None
    return row["status"], row["fence"], row["attempts"], row["crashes"]


async def test_a_job_is_handed_back_uncharged_once_postgres_answers(worker: OutageWorker, pool: Pool) -> None:
    """The outage is longer than the lease, so the work is cancelled."""
    worker.handler.script = [hangs]
    running = asyncio.create_task(worker.runner.run(worker.gpt))
    await worker.handler.started.wait()
    worker.proxy.cut()
    await asyncio.wait_for(worker.handler.cancelled.wait(), SECONDS)
    assert await state(pool, worker.gpt) == ("in_progress", 1, 1, 0)
    await worker.proxy.restore()
    await asyncio.wait_for(running, SECONDS)
    assert await state(pool, worker.gpt) == ("queued", 1, 0, 0)


async def test_another_worker_that_took_the_job_over_keeps_it(worker: OutageWorker, pool: Pool) -> None:
    """Only this worker's connections are cut; another worker claims the job meanwhile."""
    worker.handler.script = [hangs]
    running = asyncio.create_task(worker.runner.run(worker.gpt))
    await worker.handler.started.wait()
    worker.proxy.cut()
    await asyncio.wait_for(worker.handler.cancelled.wait(), SECONDS)
    await until(lambda: jobs.claim(pool, worker.gpt, 60))
    await worker.proxy.restore()
    await asyncio.wait_for(running, SECONDS)
    assert await state(pool, worker.gpt) == ("in_progress", 2, 1, 1)


async def test_a_statement_that_breaks_is_not_charged_to_the_job(worker: OutageWorker, pool: Pool) -> None:
    async def breaks(job: ClaimedJob) -> FinishedJob | None:
        worker.proxy.cut()
        try:
            return await worker.handler.finish(job)
        finally:
            await worker.proxy.restore()

    worker.handler.script = [breaks]
    await asyncio.wait_for(worker.runner.run(worker.gpt), SECONDS)
    assert await state(pool, worker.gpt) == ("queued", 1, 0, 0)
    await until(lambda: pool.fetchval("SELECT run_after <= now() FROM async_jobs WHERE id = $1", worker.gpt))
    await worker.runner.run(worker.gpt)
    assert await state(pool, worker.gpt) == ("completed", 2, 1, 0)


async def test_a_claim_during_an_outage_is_dropped(worker: OutageWorker, pool: Pool) -> None:
    worker.proxy.cut()
    await worker.runner.run(worker.gpt)
    await worker.runner.run(uuid4())
    assert (worker.handler.claims, await state(pool, worker.gpt)) == ([], ("queued", 0, 0, 0))


async def test_a_missing_file_is_not_taken_for_an_outage(worker: OutageWorker, pool: Pool) -> None:
    worker.handler.script = [raises(FileNotFoundError(2, "No such file", "coefficients.json"))]
    await worker.runner.run(worker.gpt)
    status, _, attempts, _ = await state(pool, worker.gpt)
    error = await pool.fetchval("SELECT error ->> 'code' FROM async_jobs WHERE id = $1", worker.gpt)
    assert (status, attempts, error) == ("queued", 1, "internal_error")


@pytest.mark.parametrize("url", ["postgresql://u@localhost.invalid:5432/d", "postgresql:///d?host=/no/such/folder"])
async def test_an_unknown_host_or_socket_counts_as_unavailable(url: str) -> None:
    async with open_pool(url, "nobody", 1) as unreachable:
        with pytest.raises(DATABASE_UNAVAILABLE):
            await unreachable.fetchval("SELECT 1")
