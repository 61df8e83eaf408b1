"""Claims give a job to one worker, and fences keep others from writing for it. Controls without the fence show the
stale writes that it prevents."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest

from app.domain.errors import PermanentError
from app.domain.records.jobs import ClaimedJob
from app.domain.states import JobStatus, JobType, ReasonCode
from app.repositories import jobs, scores
from app.repositories.sql import Executor, Pool
from app.services.jobs.claimed_run import read_claimed_run
from app.services.results.fuse import FusionJob
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.unguarded_statements import without_fence, without_guard
from tests.job_runner import claim_job, job_id, submit

ERROR = PermanentError("test", "a test")
Write = Callable[[Executor, ClaimedJob, Pool], Awaitable[object]]


async def row(pool: Pool, job: ClaimedJob | UUID) -> asyncpg.Record:
    job_row = await pool.fetchrow(
        "SELECT * FROM async_jobs WHERE id = $1", job.id if isinstance(job, ClaimedJob) else job
    )
    assert job_row is not None
    return job_row


async def expire_lease(pool: Pool, job: ClaimedJob) -> None:
    """Lets the lease of the job run out."""
    await pool.execute("UPDATE async_jobs SET lease_expires_at = now() - interval '1 s' WHERE id = $1", job.id)


async def with_due_fusion(pool: Pool, bank: Bank) -> UUID:
    """An assessment whose fusion is due."""
    assessment_id = await submit(pool, bank)
    for job_type in (JobType.GPT, JobType.RAG):
        job = await claim_job(pool, assessment_id, job_type)
        for question in (await read_claimed_run(pool, job)).questions if job_type is JobType.GPT else ():
            if question.body.type == "essay":
                await scores.store_unscored(pool, job, question, ReasonCode.ESSAY_UNSCORED)
        await jobs.finish(pool, job, JobStatus.COMPLETED, None, None, [])
    return assessment_id


async def test_one_of_many_claims_gets_the_job(pool: Pool, bank: Bank) -> None:
    gpt = await job_id(pool, await submit(pool, bank), JobType.GPT)
    claimed = [job for job in await asyncio.gather(*(jobs.claim(pool, gpt, 15) for _ in range(20))) if job]
    assert [(job.fence, job.attempts, job.crashes) for job in claimed] == [(1, 1, 0)]


async def test_a_claim_that_waited_for_another_finds_the_job_taken(pool: Pool, bank: Bank) -> None:
    """Both see the job as queued; the second waits for the row lock of the first, and then checks the status again."""
    gpt = await job_id(pool, await submit(pool, bank), JobType.GPT)
    async with pool.acquire() as conn, conn.transaction():
        assert await jobs.claim(conn, gpt, 15)
        second = asyncio.create_task(jobs.claim(pool, gpt, 15))
        await until(lambda: pool.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))
    assert await second is None


async def test_without_the_status_guard_both_claims_get_the_job(pool: Pool, bank: Bank) -> None:
    gpt = await job_id(pool, await submit(pool, bank), JobType.GPT)
    unguarded = without_guard(pool, "status = 'queued' AND", "")
    assert all(await asyncio.gather(*(jobs.claim(unguarded, gpt, 15) for _ in range(2))))


async def test_a_job_that_is_not_due_is_not_claimed(pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    fusion = await job_id(pool, assessment_id, JobType.FUSION)
    assert await jobs.claim(pool, fusion, 15) is None
    gpt = await claim_job(pool, assessment_id, JobType.GPT)
    await jobs.retry_later(pool, gpt, 60, ERROR, charged=True)
    assert await jobs.claim(pool, gpt.id, 15) is None
    assert await jobs.claim(pool, assessment_id, 15) is None


async def test_a_claim_after_the_lease_ran_out_counts_as_a_crash(pool: Pool, bank: Bank) -> None:
    first = await claim_job(pool, await submit(pool, bank), JobType.GPT)
    assert await jobs.claim(pool, first.id, 15) is None
    await expire_lease(pool, first)
    second = await jobs.claim(pool, first.id, 15)
    assert second and (second.fence, second.attempts, second.crashes) == (2, 1, 1)


async def test_handing_a_job_back_costs_no_attempt(pool: Pool, bank: Bank) -> None:
    job = await claim_job(pool, await submit(pool, bank), JobType.GPT)
    assert await jobs.release(pool, job)
    stored = await row(pool, job)
    assert (stored["status"], stored["attempts"], stored["fence"], stored["dispatched_at"]) == ("queued", 0, 1, None)
    again = await jobs.claim(pool, job.id, 15)
    assert again and (again.fence, again.attempts, again.crashes) == (2, 1, 0)


async def test_handing_a_job_back_after_a_crash_costs_no_attempt(pool: Pool, bank: Bank) -> None:
    job = await claim_job(pool, await submit(pool, bank), JobType.GPT)
    await expire_lease(pool, job)
    second = await jobs.claim(pool, job.id, 15)
    assert second and await jobs.release(pool, second)
    third = await jobs.claim(pool, job.id, 15)
    assert third and (third.fence, third.attempts, third.crashes) == (3, 1, 1)


async def score_an_essay(db: Executor, job: ClaimedJob, pool: Pool) -> bool:
    question = next(q for q in (await read_claimed_run(pool, job)).questions if q.body.type == "essay")
    return await scores.store_unscored(db, job, question, ReasonCode.ESSAY_UNSCORED)


GPT_WRITES: dict[str, Write] = {
    "renew": lambda db, job, _: jobs.renew(db, job, 15),
    "retry_later": lambda db, job, _: jobs.retry_later(db, job, 0, ERROR, charged=True),
    "release": lambda db, job, _: jobs.release(db, job),
    "finish": lambda db, job, _: jobs.finish(db, job, JobStatus.COMPLETED, None, None, []),
    "store_essay_score": score_an_essay,
}


async def fuse(db: Executor, job: ClaimedJob, pool: Pool) -> object:
    return await FusionJob(cast(Pool, db)).run(job)


FUSION_WRITES: dict[str, Write] = {
    "complete_assessment": fuse,
    "fail_assessment": lambda db, job, _: jobs.fail_assessment(db, job, ERROR),
}


async def job_tables(pool: Pool, assessment_id: UUID) -> list[Any]:
    """All rows that a job may change."""
    queries = (
        "SELECT * FROM async_jobs WHERE assessment_id = $1 ORDER BY job_type",
        "SELECT * FROM assessments WHERE id = $1",
        "SELECT * FROM scores WHERE assessment_id = $1 ORDER BY question_id, score_type",
        "SELECT * FROM results WHERE assessment_id = $1",
    )
    return [[dict(record) for record in await pool.fetch(query, assessment_id)] for query in queries]


async def stale_claim(pool: Pool, bank: Bank, job_type: JobType) -> ClaimedJob:
    """A claim whose lease ran out, of a job that another worker has claimed since."""
    assessment_id = await (with_due_fusion if job_type is JobType.FUSION else submit)(pool, bank)
    stale = await claim_job(pool, assessment_id, job_type)
    await expire_lease(pool, stale)
    assert await jobs.claim(pool, stale.id, 15)
    return stale


WRITES = [(JobType.GPT, write) for write in GPT_WRITES.items()] + [
    (JobType.FUSION, write) for write in FUSION_WRITES.items()
]


@pytest.mark.parametrize(("job_type", "write"), WRITES, ids=[write[0] for _, write in WRITES])
async def test_a_stale_fence_writes_nothing(
    pool: Pool, bank: Bank, job_type: JobType, write: tuple[str, Write]
) -> None:
    stale = await stale_claim(pool, bank, job_type)
    before = await job_tables(pool, stale.assessment_id)
    assert not await write[1](pool, stale, pool)
    assert await job_tables(pool, stale.assessment_id) == before


@pytest.mark.parametrize(("job_type", "write"), WRITES, ids=[write[0] for _, write in WRITES])
async def test_without_the_fence_the_stale_write_appears(
    pool: Pool, bank: Bank, job_type: JobType, write: tuple[str, Write]
) -> None:
    stale = await stale_claim(pool, bank, job_type)
    before = await job_tables(pool, stale.assessment_id)
    assert await write[1](without_fence(pool), stale, pool)
    assert await job_tables(pool, stale.assessment_id) != before


@pytest.mark.parametrize(("job_type", "write"), WRITES, ids=[write[0] for _, write in WRITES])
async def test_nothing_is_written_for_an_ended_job(
    pool: Pool, bank: Bank, job_type: JobType, write: tuple[str, Write]
) -> None:
    """The fence is still the same; the write names the status as well."""
    assessment_id = await (with_due_fusion if job_type is JobType.FUSION else submit)(pool, bank)
    job = await claim_job(pool, assessment_id, job_type)
    end = FUSION_WRITES["complete_assessment"] if job_type is JobType.FUSION else GPT_WRITES["finish"]
    assert await end(pool, job, pool)
    before = await job_tables(pool, assessment_id)
    assert not await write[1](pool, job, pool)
    assert await job_tables(pool, assessment_id) == before
