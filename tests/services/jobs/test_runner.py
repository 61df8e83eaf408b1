"""What becomes of a job: done, tried again, given up, handed back, or lost to someone else."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.errors import PermanentError, TransientError
from app.domain.job.retry import backoff_seconds
from app.domain.states import JobType
from app.repositories import jobs
from app.repositories.sql import Pool
from app.services.jobs.runner import JobLimits, JobRunner
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.scripted_handler import ScriptedHandler, hangs, raises
from tests.job_runner import job_id, submit

BUSY = TransientError("busy", "try again")
RATE_LIMITED = TransientError("model_rate_limited", "not so fast")
LIMITS = JobLimits(lease_seconds=15, max_crashes=3, retry_delay=2)


@pytest.fixture
async def work(pool: Pool) -> ScriptedHandler:
    return ScriptedHandler(pool)


@pytest.fixture
async def pipeline(pool: Pool, redis_url: str, work: ScriptedHandler) -> AsyncIterator[JobRunner]:
    """All jobs do the scripted work; without jitter."""
    bell = JobQueue(job_queue.connect(redis_url))
    yield JobRunner(pool, bell, dict.fromkeys(JobType, work), LIMITS, chance=lambda: 1.0)
    await bell.redis.aclose()


@pytest.fixture
async def gpt(pool: Pool, bank: Bank) -> UUID:
    """A job that is due."""
    return await job_id(pool, await submit(pool, bank), JobType.GPT)


async def row(pool: Pool, job: UUID) -> asyncpg.Record:
    found = await pool.fetchrow("SELECT *, run_after - now() AS wait FROM async_jobs WHERE id = $1", job)
    assert found is not None
    return found


async def due_now(pool: Pool, job: UUID) -> None:
    await pool.execute("UPDATE async_jobs SET run_after = now() WHERE id = $1", job)


async def wait_of(pool: Pool, job: UUID) -> float:
    seconds: float = (await row(pool, job))["wait"].total_seconds()
    return seconds


async def test_a_job_that_is_not_there_is_nothing(pipeline: JobRunner, work: ScriptedHandler, bank: Bank) -> None:
    await pipeline.run(next(iter(bank.ids.values())))
    assert work.claims == []


async def test_passing_trouble_is_charged_shown_and_tried_later(
    pipeline: JobRunner, work: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    work.script = [raises(BUSY)]
    await pipeline.run(gpt)
    found = await row(pool, gpt)
    assert (found["status"], found["attempts"], found["error"]["code"]) == ("queued", 1, "busy")
    assert 1 < await wait_of(pool, gpt) <= 2
    await pipeline.run(gpt)
    assert len(work.claims) == 1
    await due_now(pool, gpt)
    await pipeline.run(gpt)
    found = await row(pool, gpt)
    assert (found["status"], found["attempts"], found["error"]) == ("completed", 2, None)


async def test_the_pause_doubles(pipeline: JobRunner, work: ScriptedHandler, pool: Pool, gpt: UUID) -> None:
    pauses = []
    work.script = [raises(BUSY)] * 3
    for _ in range(3):
        await pipeline.run(gpt)
        pauses.append(round(await wait_of(pool, gpt)))
        await due_now(pool, gpt)
    assert pauses == [2, 4, 8]


@pytest.mark.parametrize(("asked", "pause"), [(0.5, 2), (42, 42), (5000, 300)])
async def test_what_the_other_side_asks_for_is_honoured_up_to_the_cap(
    pipeline: JobRunner, work: ScriptedHandler, pool: Pool, gpt: UUID, asked: float, pause: int
) -> None:
    work.script = [raises(TransientError("busy", "try again", retry_after=asked))]
    await pipeline.run(gpt)
    assert round(await wait_of(pool, gpt)) == pause


def test_backoff_is_doubled_jittered_and_capped() -> None:
    assert [backoff_seconds(2, attempt, 1.0) for attempt in (1, 2, 3, 9, 5000)] == [2, 4, 8, 300, 300]
    assert [backoff_seconds(2, attempt, 0.0) for attempt in (1, 2, 9)] == [1, 2, 150]


async def test_the_last_attempt_is_the_end(pipeline: JobRunner, work: ScriptedHandler, pool: Pool, gpt: UUID) -> None:
    work.script = [raises(BUSY)] * 4
    for _ in range(4):
        await due_now(pool, gpt)
        await pipeline.run(gpt)
    assert (work.given_up, len(work.claims)) == (["busy"], 4)
    found = await row(pool, gpt)
    assert (found["status"], found["attempts"], found["error"]["code"]) == ("failed", 4, "busy")


async def test_lasting_trouble_is_the_end_at_once(
    pipeline: JobRunner, work: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    work.script = [raises(PermanentError("no", "never"))]
    await pipeline.run(gpt)
    assert (work.given_up, (await row(pool, gpt))["status"]) == (["no"], "failed")


async def test_a_fault_of_our_own_is_tried_again_and_never_tells_what(
    pipeline: JobRunner, work: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    work.script = [raises(ZeroDivisionError("secret"))]
    await pipeline.run(gpt)
    found = await row(pool, gpt)
    assert (found["status"], found["attempts"], found["error"]["code"]) == ("queued", 1, "internal_error")
    assert "secret" not in str(found["error"])


async def test_a_rate_limit_is_not_charged_but_waits_longer_each_time(
    pipeline: JobRunner, work: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    work.script = [raises(RATE_LIMITED)] * 3
    pauses = []
    for _ in range(3):
        await pipeline.run(gpt)
        pauses.append(round(await wait_of(pool, gpt)))
        await due_now(pool, gpt)
    assert (pauses, (await row(pool, gpt))["attempts"]) == ([2, 4, 8], 0)


async def test_a_rate_limit_without_end_ends(pipeline: JobRunner, work: ScriptedHandler, pool: Pool, gpt: UUID) -> None:
    work.script = [raises(RATE_LIMITED)] * 50
    for _ in range(20):
        await due_now(pool, gpt)
        await pipeline.run(gpt)
        if work.given_up:
            break
    assert (work.given_up, len(work.claims)) == (["model_rate_limited"], 10)


async def test_crashes_use_up_a_budget_of_their_own(
    pipeline: JobRunner, work: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    for _ in range(3):
        assert await jobs.claim(pool, gpt, 15)
        await pool.execute("UPDATE async_jobs SET lease_expires_at = now() - interval '1 s' WHERE id = $1", gpt)
    await pipeline.run(gpt)
    assert (work.claims, work.given_up) == ([], ["worker_crashed"])
    found = await row(pool, gpt)
    assert (found["status"], found["attempts"], found["crashes"]) == ("failed", 1, 3)


async def test_a_cancelled_job_is_handed_back_uncharged(
    pipeline: JobRunner, work: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    work.script = [hangs]
    running = asyncio.create_task(pipeline.run(gpt))
    await work.started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    found = await row(pool, gpt)
    assert (found["status"], found["attempts"], found["crashes"], work.cancelled.is_set()) == ("queued", 0, 0, True)


async def test_a_lost_lease_cancels_the_work_and_writes_nothing(
    pipeline: JobRunner, work: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    work.script = [hangs]
    quick = replace(pipeline, limits=replace(LIMITS, lease_seconds=0.3))
    running = asyncio.create_task(quick.run(gpt))
    await work.started.wait()
    await pool.execute("UPDATE async_jobs SET lease_expires_at = now() - interval '1 s' WHERE id = $1", gpt)
    other = await jobs.claim(pool, gpt, 60)
    await asyncio.wait_for(running, 5)
    assert work.cancelled.is_set()
    found = await row(pool, gpt)
    assert other and (found["status"], found["fence"], found["attempts"]) == ("in_progress", other.fence, 1)
    assert found["wait"] is not None and found["error"] is None


async def test_a_lease_is_held_for_as_long_as_the_work_takes(
    pipeline: JobRunner, work: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    work.script = [hangs]
    quick = replace(pipeline, limits=replace(LIMITS, lease_seconds=0.6))
    running = asyncio.create_task(quick.run(gpt))
    await work.started.wait()
    first = (await row(pool, gpt))["lease_expires_at"]
    await until(lambda: pool.fetchval("SELECT now() > $1::timestamptz + interval '0.6 s'", first))
    assert await jobs.claim(pool, gpt, 15) is None
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_nothing_of_the_work_is_left_running(
    pipeline: JobRunner, work: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    before = asyncio.all_tasks()
    for error in (BUSY, ZeroDivisionError(), PermanentError("no", "never")):
        work.script = [raises(error)]
        await pipeline.run(gpt)
        await due_now(pool, gpt)
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError("refused"), asyncpg.CannotConnectNowError("starting"), TimeoutError()]
)
async def test_an_absent_postgres_costs_nothing(
    pipeline: JobRunner, work: ScriptedHandler, pool: Pool, gpt: UUID, error: Exception
) -> None:
    work.script = [raises(error)]
    await pipeline.run(gpt)
    found = await row(pool, gpt)
    assert (found["status"], found["attempts"], found["crashes"], found["error"]) == ("queued", 0, 0, None)
    assert 1 < await wait_of(pool, gpt) <= 2


async def test_what_always_looks_like_an_absent_postgres_ends(
    pipeline: JobRunner, work: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    work.script = [raises(TimeoutError()) for _ in range(50)]
    for _ in range(20):
        await due_now(pool, gpt)
        await pipeline.run(gpt)
    assert (work.given_up, (await row(pool, gpt))["status"]) == (["internal_error"], "failed")


async def test_an_end_that_cannot_be_written_is_no_end_of_the_worker(
    pipeline: JobRunner, work: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    """The lease runs out, and crashes are counted."""
    broken = replace(pipeline, handlers={JobType.GPT: _NeverEnds()})
    await broken.run(gpt)
    assert (await row(pool, gpt))["status"] == "in_progress"


class _NeverEnds:
    async def run(self, job: object) -> None:
        raise PermanentError("no", "never")

    async def give_up(self, job: object, trouble: object) -> None:
        raise ZeroDivisionError
