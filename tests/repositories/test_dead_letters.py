"""The guards in the statements of dead letters. For each guard, a control without it shows what it prevents."""

from uuid import UUID, uuid4

import asyncpg
import pytest

from app.domain.job.notification import JobNotification
from app.domain.records.jobs import NewestRun
from app.domain.states import JobStatus, JobType
from app.repositories import dead_letters, jobs
from app.repositories.migrations import MIGRATIONS
from app.repositories.sql import Connection, Executor, Pool, statements
from tests.bank import Bank
from tests.dead_letters import GPT_REASON, RAG_REASON, fail_job, read_state
from tests.fakes.unguarded_statements import without_guard
from tests.job_runner import claim_job, submit

FAILED_GUARD = "AND j.status = 'failed' AND"
REMAINING_GUARD = "AND a.remaining > 0"
NEWEST_RUN_GUARD = "AND a.run = $2 AND"
ENDED_GUARD = "AND j.status NOT IN ('completed', 'failed')"
# Twenty thousand jobs of one assessment; a million take a minute to insert.
INSERT_JOBS = """
INSERT INTO async_jobs (id, assessment_id, run, job_type, status, max_attempts, created_at, completed_at)
SELECT gen_random_uuid(), $1, 100 + n, 'rag', 'completed', 4, now() - n * interval '1 s', now()
FROM generate_series(1, 20000) AS n
"""


async def requeue(db: Executor, job: UUID) -> JobNotification | None:
    return await dead_letters.requeue_failed(db, job, 4, None, None)


async def start_run(db: Executor, former: NewestRun) -> list[JobNotification]:
    return await dead_letters.start_run(db, former, {job_type: uuid4() for job_type in JobType}, 4, None, None)


async def with_failed_gpt(pool: Pool, bank: Bank) -> tuple[UUID, UUID]:
    """An assessment that waits for its `rag` job, and its failed `gpt` job."""
    assessment_id = await submit(pool, bank)
    return assessment_id, await fail_job(pool, assessment_id, JobType.GPT, GPT_REASON)


async def failed_run(pool: Pool, bank: Bank, owner: str = "student-1") -> NewestRun:
    """The run of a failed assessment."""
    assessment_id = await submit(pool, bank, owner)
    for job_type in (JobType.GPT, JobType.RAG, JobType.FUSION):
        last = await fail_job(pool, assessment_id, job_type)
    async with pool.acquire() as conn:
        newest = await dead_letters.lock_newest_run(conn, last)
    assert newest
    return newest


async def test_a_failed_job_is_requeued_once(pool: Pool, bank: Bank) -> None:
    assessment_id, gpt = await with_failed_gpt(pool, bank)
    assert await requeue(pool, gpt)
    assert await requeue(pool, gpt) is None
    assert (await read_state(pool, assessment_id)).row["remaining"] == 2


async def test_without_the_status_guard_a_job_is_counted_twice(pool: Pool, bank: Bank) -> None:
    assessment_id, gpt = await with_failed_gpt(pool, bank)
    unguarded = without_guard(pool, FAILED_GUARD, "AND")
    assert await requeue(unguarded, gpt) and await requeue(unguarded, gpt)
    assert (await read_state(pool, assessment_id)).row["remaining"] == 3


async def test_a_run_whose_fusion_is_due_takes_no_job_back(pool: Pool, bank: Bank) -> None:
    assessment_id, gpt = await with_failed_gpt(pool, bank)
    rag = await claim_job(pool, assessment_id, JobType.RAG)
    await jobs.finish(pool, rag, JobStatus.COMPLETED, None, None, [])
    assert await requeue(pool, gpt) is None
    assert (await read_state(pool, assessment_id)).row["remaining"] == 0


async def test_without_the_remaining_guard_fusion_does_not_wait_for_the_job(pool: Pool, bank: Bank) -> None:
    assessment_id, gpt = await with_failed_gpt(pool, bank)
    rag = await claim_job(pool, assessment_id, JobType.RAG)
    await jobs.finish(pool, rag, JobStatus.COMPLETED, None, None, [])
    assert await requeue(without_guard(pool, REMAINING_GUARD, ""), gpt)
    seen = await read_state(pool, assessment_id)
    assert (seen.row["remaining"], seen.due) == (1, {"gpt", "fusion"})


async def test_only_one_run_starts_after_another(pool: Pool, bank: Bank) -> None:
    former = await failed_run(pool, bank)
    assert len(await start_run(pool, former)) == 2
    assert await start_run(pool, former) == []
    assert (await read_state(pool, former.assessment_id)).row["run"] == 2


async def test_without_the_newest_run_guard_two_runs_start(pool: Pool, bank: Bank) -> None:
    former = await failed_run(pool, bank)
    assert await start_run(pool, former)
    await pool.execute("UPDATE async_jobs SET status = 'completed', completed_at = now() WHERE run = 2")
    assert await start_run(pool, former) == []
    assert await start_run(without_guard(pool, NEWEST_RUN_GUARD, "AND"), former)
    assert (await read_state(pool, former.assessment_id)).row["run"] == 3


async def test_no_run_starts_before_the_former_one_is_over(pool: Pool, bank: Bank) -> None:
    """Neither before the end of the assessment, nor during a later run, except without the guard."""
    assessment_id = await submit(pool, bank)
    assert await start_run(pool, NewestRun(assessment_id, 1, ())) == []
    former = await failed_run(pool, bank, "student-2")
    assert await start_run(pool, former)
    second = NewestRun(former.assessment_id, 2, ())
    assert await start_run(pool, second) == []
    assert await start_run(without_guard(pool, ENDED_GUARD, "AND false"), second)


async def test_the_newest_run_stays_locked_until_the_transaction_ends(pool: Pool, bank: Bank) -> None:
    _, gpt = await with_failed_gpt(pool, bank)
    async with pool.acquire() as conn, conn.transaction():
        assert await dead_letters.lock_newest_run(conn, gpt)
        unlocked = "SELECT id FROM assessments FOR NO KEY UPDATE SKIP LOCKED"
        assert await pool.fetch(unlocked) == []
    assert len(await pool.fetch(unlocked)) == 1


async def test_only_failed_jobs_of_newest_runs_are_retryable(pool: Pool, bank: Bank) -> None:
    former = await failed_run(pool, bank)
    assessment_id = await submit(pool, bank, "student-2")
    rag = await fail_job(pool, assessment_id, JobType.RAG, RAG_REASON)
    old = {job.id for job in former.jobs}
    assert set(await dead_letters.list_retryable(pool, 10)) == {*old, rag}
    assert len(await dead_letters.list_retryable(pool, 2)) == 2
    await start_run(pool, former)
    assert await dead_letters.list_retryable(pool, 10) == [rag]


@pytest.mark.parametrize("statuses", [[JobStatus.FAILED], list(JobStatus)], ids=["failed", "all"])
async def test_a_page_is_read_from_the_index_with_a_generic_plan(
    conn: Connection, pool: Pool, bank: Bank, statuses: list[JobStatus]
) -> None:
    """As Postgres plans the statement after a few executions."""
    assessment_id, _ = await with_failed_gpt(pool, bank)
    await conn.execute(INSERT_JOBS, assessment_id)
    await conn.execute("ANALYZE async_jobs")
    await conn.execute(
        f"PREPARE page(text[], text, timestamptz, uuid, int, uuid, text) AS {statements('dead_letters')['read_jobs']}"
    )
    await conn.execute("SET plan_cache_mode = force_generic_plan")
    values = ",".join(statuses)
    plan = await conn.fetch(f"EXPLAIN EXECUTE page('{{{values}}}', NULL, now(), '{uuid4()}', 51, NULL, NULL)")
    text = "\n".join(row[0] for row in plan)
    assert "async_jobs_newest_idx" in text, text
    assert "Seq Scan on async_jobs" not in text, text
    await conn.execute("RESET plan_cache_mode; DEALLOCATE page")


async def test_the_rollback_of_retries_deletes_their_audit_log_entries(conn: Connection) -> None:
    """In a transaction that is rolled back."""
    rollback = (MIGRATIONS / "0008.retry-dead-letters.rollback.sql").read_text()
    insert = "INSERT INTO audit_log (actor, action, entity, key) VALUES ('ada', $1, $2, 'x')"
    transaction = conn.transaction()
    await transaction.start()
    try:
        await conn.execute(insert, "retry", "job")
        await conn.execute(insert, "create", "track")
        await conn.execute(rollback)
        assert await conn.fetchval("SELECT array_agg(action::text) FROM audit_log") == ["create"]
        assert await conn.fetchval("SELECT to_regclass('async_jobs_newest_idx')") is None
        with pytest.raises(asyncpg.CheckViolationError):
            await conn.execute(insert, "create", "job")
    finally:
        await transaction.rollback()
