"""The last job that fusion waits for makes it due: exactly once, however close the ends of the jobs are."""

import asyncio
from uuid import UUID

from app.domain.errors import PermanentError
from app.domain.records.jobs import ClaimedJob
from app.domain.states import JobStatus, JobType
from app.repositories import jobs
from app.repositories.jobs import FinishedJob
from app.repositories.sql import Pool
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.job_runner import claim_job, submit

PAIRS = 200
# The naive way: end the job, then count the jobs that have not ended, in one transaction.
END = """UPDATE async_jobs SET status = 'completed', completed_at = now(), lease_expires_at = NULL
         WHERE id = $1 AND fence = $2 RETURNING assessment_id"""
LEFT = """SELECT count(*) FROM async_jobs
          WHERE assessment_id = $1 AND job_type <> 'fusion' AND status NOT IN ('completed', 'failed')"""


async def claimed_pair(pool: Pool, bank: Bank, owner: str) -> tuple[ClaimedJob, ClaimedJob]:
    assessment_id = await submit(pool, bank, owner, [])
    return await claim_job(pool, assessment_id, JobType.GPT), await claim_job(pool, assessment_id, JobType.RAG)


async def finish(pool: Pool, job: ClaimedJob) -> FinishedJob | None:
    return await jobs.finish(pool, job, JobStatus.COMPLETED, None, None, [])


async def finish_naively(pool: Pool, job: ClaimedJob, together: asyncio.Barrier) -> bool:
    """Ends a job in the naive way; whether it would make fusion due."""
    async with pool.acquire() as conn, conn.transaction():
        assessment_id: UUID = await conn.fetchval(END, job.id, job.fence)
        await together.wait()
        left: int = await conn.fetchval(LEFT, assessment_id)
        await together.wait()
    return left == 0


async def test_each_of_many_racing_pairs_makes_fusion_due_once(pool: Pool, bank: Bank) -> None:
    pairs = await asyncio.gather(*(claimed_pair(pool, bank, f"student-{number}") for number in range(PAIRS)))
    ends = await asyncio.gather(*(asyncio.gather(*(finish(pool, job) for job in both)) for both in pairs))
    assert all(sum(end is not None and end.next_job is not None for end in both) == 1 for both in ends)
    due = "SELECT count(*) FROM async_jobs WHERE job_type = 'fusion' AND status = 'queued' AND run_after <= now()"
    assert await pool.fetchval(due) == PAIRS
    assert await pool.fetchval("SELECT count(*) FROM assessments WHERE remaining = 0") == PAIRS


async def test_the_second_end_waits_for_the_first_and_makes_fusion_due(pool: Pool, bank: Bank) -> None:
    """In transactions that overlap."""
    gpt, rag = await claimed_pair(pool, bank, "student-1")
    async with pool.acquire() as conn, conn.transaction():
        first = await jobs.finish(conn, gpt, JobStatus.COMPLETED, None, None, [])
        second = asyncio.create_task(finish(pool, rag))
        await until(lambda: pool.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))
    last = await second
    assert first and last and (first.next_job, last.next_job is not None) == (None, True)


async def test_counting_the_ended_jobs_would_never_make_fusion_due(pool: Pool, bank: Bank) -> None:
    """The control: neither transaction sees the end of the other job."""
    for number in range(5):
        together = asyncio.Barrier(2)
        both = await claimed_pair(pool, bank, f"student-{number}")
        assert await asyncio.gather(*(finish_naively(pool, job, together) for job in both)) == [False, False]


async def test_a_failed_job_counts_like_a_completed_one(pool: Pool, bank: Bank) -> None:
    gpt, rag = await claimed_pair(pool, bank, "student-1")
    error = PermanentError("test", "a test")
    first = await jobs.finish(pool, gpt, JobStatus.FAILED, error, None, [])
    last = await finish(pool, rag)
    assert first and last and (first.next_job, last.next_job is not None) == (None, True)
