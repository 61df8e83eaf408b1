"""Retries at the same moment as each other, or as the end of the run's last job: one of them has an effect, and fusion
waits for the right number of jobs."""

import asyncio
from collections import Counter

from app.domain.errors import Conflict, JobNotFailed, JobOfOlderRun
from app.domain.records.jobs import ClaimedJob
from app.domain.states import JobStatus, JobType
from app.repositories import jobs
from app.repositories.sql import Pool
from app.services.jobs import dead_letters
from tests.bank import Bank
from tests.dead_letters import ADMIN, GPT_REASON, fail_job, read_state, retry_error
from tests.fakes.conditions import until
from tests.job_runner import NO_ORIGIN, claim_job, submit

CROWD = 50
PAIRS = 60
WAITING = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"


async def finish(pool: Pool, job: ClaimedJob) -> None:
    assert await jobs.finish(pool, job, JobStatus.COMPLETED, None, None, [])


async def test_of_many_retries_only_one_succeeds(pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    gpt = await fail_job(pool, assessment_id, JobType.GPT, GPT_REASON)
    errors = Counter(await asyncio.gather(*(retry_error(pool, gpt) for _ in range(CROWD))))
    assert errors == {None: 1, JobNotFailed: CROWD - 1}
    assert (await read_state(pool, assessment_id)).row["remaining"] == 2
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'retry'") == 1


async def test_a_retry_while_the_last_job_ends_is_counted_or_refused(pool: Pool, bank: Bank) -> None:
    """Whichever comes first, fusion is due exactly if no job is left to wait for."""
    errors: Counter[type[Exception] | None] = Counter()
    for number in range(PAIRS):
        assessment_id = await submit(pool, bank, f"student-{number}", [])
        gpt = await fail_job(pool, assessment_id, JobType.GPT, GPT_REASON)
        rag = await claim_job(pool, assessment_id, JobType.RAG)
        ending = asyncio.create_task(finish(pool, rag))
        for _ in range(number % 20):
            await asyncio.sleep(0)  # varies which of the two comes first; both outcomes are checked
        error = await retry_error(pool, gpt)
        await ending
        seen = await read_state(pool, assessment_id)
        assert (seen.row["remaining"], seen.due) == ((1, {"gpt"}) if error is None else (0, {"fusion"}))
        errors[error] += 1
    assert set(errors) <= {None, Conflict}


async def test_a_retry_that_waited_for_the_end_of_the_last_job_is_refused(pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    gpt = await fail_job(pool, assessment_id, JobType.GPT, GPT_REASON)
    rag = await claim_job(pool, assessment_id, JobType.RAG)
    async with pool.acquire() as conn, conn.transaction():
        assert await jobs.finish(conn, rag, JobStatus.COMPLETED, None, None, [])
        waiting = asyncio.create_task(retry_error(pool, gpt))
        await until(lambda: pool.fetchval(WAITING))
    assert await waiting is Conflict
    seen = await read_state(pool, assessment_id)
    assert (seen.row["remaining"], seen.states["gpt"], seen.due) == (0, "failed", {"fusion"})


async def test_a_job_end_that_waited_for_a_retry_is_not_the_last(pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    gpt = await fail_job(pool, assessment_id, JobType.GPT, GPT_REASON)
    rag = await claim_job(pool, assessment_id, JobType.RAG)
    async with pool.acquire() as conn, conn.transaction():
        await dead_letters.retry(conn, ADMIN, gpt, 4, NO_ORIGIN)
        waiting = asyncio.create_task(finish(pool, rag))
        await until(lambda: pool.fetchval(WAITING))
    await waiting
    seen = await read_state(pool, assessment_id)
    assert (seen.row["remaining"], seen.due) == (1, {"gpt"})
    held = await claim_job(pool, assessment_id, JobType.GPT)
    await finish(pool, held)
    assert (await read_state(pool, assessment_id)).due == {"fusion"}


async def test_of_many_retries_after_the_run_only_one_starts_a_run(pool: Pool, bank: Bank) -> None:
    """Whichever of the failed jobs they name; then every job of the new run is counted."""
    assessment_id = await submit(pool, bank)
    failed = [await fail_job(pool, assessment_id, job_type) for job_type in JobType]
    errors = Counter(await asyncio.gather(*(retry_error(pool, failed[number % 3]) for number in range(CROWD))))
    assert errors == {None: 1, JobOfOlderRun: CROWD - 1}
    seen = await read_state(pool, assessment_id)
    assert (seen.row["run"], seen.row["remaining"], seen.due) == (2, 2, {"gpt", "rag"})
    assert await pool.fetchval("SELECT count(*) FROM async_jobs") == 6
    for job_type in (JobType.GPT, JobType.RAG):
        held = await jobs.claim(pool, seen.jobs[job_type]["id"], 15)
        assert held
        await finish(pool, held)
    after = await read_state(pool, assessment_id)
    assert (after.row["remaining"], after.due) == (0, {"fusion"})
