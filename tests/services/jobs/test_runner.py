"""The job runner: jobs are completed, retried, given up, handed back, or lost to another worker."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.errors import PermanentError, TransientError
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
async def handler(pool: Pool) -> ScriptedHandler:
    return ScriptedHandler(pool)


@pytest.fixture
async def runner(pool: Pool, redis_url: str, handler: ScriptedHandler) -> AsyncIterator[JobRunner]:
    """A runner whose handler follows a script; without jitter."""
    queue = JobQueue(job_queue.connect(redis_url))
    yield JobRunner(pool, queue, dict.fromkeys(JobType, handler), LIMITS, random_fraction=lambda: 1.0)
    await queue.redis.aclose()


@pytest.fixture
async def gpt(pool: Pool, bank: Bank) -> UUID:
    """A job that is due."""
    return await job_id(pool, await submit(pool, bank), JobType.GPT)


async def row(pool: Pool, job: UUID) -> asyncpg.Record:
    job_row = await pool.fetchrow("SELECT *, run_after - now() AS wait FROM async_jobs WHERE id = $1", job)
    assert job_row is not None
    return job_row


async def due_now(pool: Pool, job: UUID) -> None:
    await pool.execute("UPDATE async_jobs SET run_after = now() WHERE id = $1", job)


async def delay_of(pool: Pool, job: UUID) -> float:
    seconds: float = (await row(pool, job))["wait"].total_seconds()
    return seconds


async def test_an_unknown_job_is_ignored(runner: JobRunner, handler: ScriptedHandler, bank: Bank) -> None:
    await runner.run(next(iter(bank.ids.values())))
    assert handler.claims == []


async def test_a_transient_error_is_charged_stored_and_retried_later(
    runner: JobRunner, handler: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    handler.script = [raises(BUSY)]
    await runner.run(gpt)
    stored = await row(pool, gpt)
    assert (stored["status"], stored["attempts"], stored["error"]["code"]) == ("queued", 1, "busy")
    assert 1 < await delay_of(pool, gpt) <= 2
    await runner.run(gpt)
    assert len(handler.claims) == 1
    await due_now(pool, gpt)
    await runner.run(gpt)
    stored = await row(pool, gpt)
    assert (stored["status"], stored["attempts"], stored["error"]) == ("completed", 2, None)


async def test_the_delay_doubles(runner: JobRunner, handler: ScriptedHandler, pool: Pool, gpt: UUID) -> None:
    delays = []
    handler.script = [raises(BUSY)] * 3
    for _ in range(3):
        await runner.run(gpt)
        delays.append(round(await delay_of(pool, gpt)))
        await due_now(pool, gpt)
    assert delays == [2, 4, 8]


@pytest.mark.parametrize(("requested", "delay"), [(0.5, 2), (42, 42), (5000, 300)])
async def test_a_requested_delay_is_honoured_up_to_the_maximum(
    runner: JobRunner, handler: ScriptedHandler, pool: Pool, gpt: UUID, requested: float, delay: int
) -> None:
    handler.script = [raises(TransientError("busy", "try again", retry_after=requested))]
    await runner.run(gpt)
    assert round(await delay_of(pool, gpt)) == delay


async def test_a_failure_of_the_last_attempt_gives_the_job_up(
    runner: JobRunner, handler: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    handler.script = [raises(BUSY)] * 4
    for _ in range(4):
        await due_now(pool, gpt)
        await runner.run(gpt)
    assert (handler.given_up, len(handler.claims)) == (["busy"], 4)
    stored = await row(pool, gpt)
    assert (stored["status"], stored["attempts"], stored["error"]["code"]) == ("failed", 4, "busy")


async def test_a_permanent_error_gives_the_job_up_at_once(
    runner: JobRunner, handler: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    handler.script = [raises(PermanentError("no", "never"))]
    await runner.run(gpt)
    assert (handler.given_up, (await row(pool, gpt))["status"]) == (["no"], "failed")


async def test_an_unexpected_exception_is_retried_and_its_text_is_not_stored(
    runner: JobRunner, handler: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    handler.script = [raises(ZeroDivisionError("secret"))]
    await runner.run(gpt)
    stored = await row(pool, gpt)
    assert (stored["status"], stored["attempts"], stored["error"]["code"]) == ("queued", 1, "internal_error")
    assert "secret" not in str(stored["error"])


async def test_a_rate_limit_is_not_charged_but_waits_longer_each_time(
    runner: JobRunner, handler: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    handler.script = [raises(RATE_LIMITED)] * 3
    delays = []
    for _ in range(3):
        await runner.run(gpt)
        delays.append(round(await delay_of(pool, gpt)))
        await due_now(pool, gpt)
    assert (delays, (await row(pool, gpt))["attempts"]) == ([2, 4, 8], 0)


async def test_an_endless_rate_limit_gives_the_job_up(
    runner: JobRunner, handler: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    handler.script = [raises(RATE_LIMITED)] * 50
    for _ in range(20):
        await due_now(pool, gpt)
        await runner.run(gpt)
        if handler.given_up:
            break
    assert (handler.given_up, len(handler.claims)) == (["model_rate_limited"], 10)


async def test_crashes_have_a_limit_of_their_own(
    runner: JobRunner, handler: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    for _ in range(3):
        assert await jobs.claim(pool, gpt, 15)
        await pool.execute("UPDATE async_jobs SET lease_expires_at = now() - interval '1 s' WHERE id = $1", gpt)
    await runner.run(gpt)
    assert (handler.claims, handler.given_up) == ([], ["worker_crashed"])
    stored = await row(pool, gpt)
    assert (stored["status"], stored["attempts"], stored["crashes"]) == ("failed", 1, 3)


async def test_a_cancelled_job_is_handed_back_uncharged(
    runner: JobRunner, handler: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    handler.script = [hangs]
    running = asyncio.create_task(runner.run(gpt))
    await handler.started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    stored = await row(pool, gpt)
    assert (stored["status"], stored["attempts"], stored["crashes"], handler.cancelled.is_set()) == (
        "queued",
        0,
        0,
        True,
    )


async def test_a_lost_lease_cancels_the_work_and_writes_nothing(
    runner: JobRunner, handler: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    handler.script = [hangs]
    quick = replace(runner, limits=replace(LIMITS, lease_seconds=0.3))
    running = asyncio.create_task(quick.run(gpt))
    await handler.started.wait()
    await pool.execute("UPDATE async_jobs SET lease_expires_at = now() - interval '1 s' WHERE id = $1", gpt)
    other = await jobs.claim(pool, gpt, 60)
    await asyncio.wait_for(running, 60)
    assert handler.cancelled.is_set()
    stored = await row(pool, gpt)
    assert other and (stored["status"], stored["fence"], stored["attempts"]) == ("in_progress", other.fence, 1)
    assert stored["wait"] is not None and stored["error"] is None


async def test_the_lease_is_renewed_as_long_as_the_work_takes(
    runner: JobRunner, handler: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    handler.script = [hangs]
    quick = replace(runner, limits=replace(LIMITS, lease_seconds=0.6))
    running = asyncio.create_task(quick.run(gpt))
    await handler.started.wait()
    first = (await row(pool, gpt))["lease_expires_at"]
    await until(lambda: pool.fetchval("SELECT now() > $1::timestamptz + interval '0.6 s'", first))
    assert await jobs.claim(pool, gpt, 15) is None
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_no_task_is_left_running(runner: JobRunner, handler: ScriptedHandler, pool: Pool, gpt: UUID) -> None:
    before = asyncio.all_tasks()
    for error in (BUSY, ZeroDivisionError(), PermanentError("no", "never")):
        handler.script = [raises(error)]
        await runner.run(gpt)
        await due_now(pool, gpt)
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError("refused"), asyncpg.CannotConnectNowError("starting"), TimeoutError()]
)
async def test_an_unavailable_database_costs_neither_an_attempt_nor_a_crash(
    runner: JobRunner, handler: ScriptedHandler, pool: Pool, gpt: UUID, error: Exception
) -> None:
    handler.script = [raises(error)]
    await runner.run(gpt)
    stored = await row(pool, gpt)
    assert (stored["status"], stored["attempts"], stored["crashes"], stored["error"]) == ("queued", 0, 0, None)
    assert 1 < await delay_of(pool, gpt) <= 2


async def test_endless_database_errors_give_the_job_up(
    runner: JobRunner, handler: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    handler.script = [raises(TimeoutError()) for _ in range(50)]
    for _ in range(20):
        await due_now(pool, gpt)
        await runner.run(gpt)
    assert (handler.given_up, (await row(pool, gpt))["status"]) == (["internal_error"], "failed")


async def test_an_exception_while_giving_up_does_not_reach_the_worker(
    runner: JobRunner, handler: ScriptedHandler, pool: Pool, gpt: UUID
) -> None:
    """The lease runs out, and crashes are counted."""
    broken = replace(runner, handlers={JobType.GPT: _NeverEnds()})
    await broken.run(gpt)
    assert (await row(pool, gpt))["status"] == "in_progress"


class _NeverEnds:
    async def run(self, job: object) -> None:
        raise PermanentError("no", "never")

    async def give_up(self, job: object, error: object) -> None:
        raise ZeroDivisionError
