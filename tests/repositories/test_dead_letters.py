"""What the statements of dead letters hold on to. Each guard is seen to matter: with it taken out of a temporary copy
of the statement, what it prevents appears."""

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

STATE = "AND j.status = 'failed' AND"
FANNED_IN = "AND a.remaining > 0"
NEWEST = "AND a.run = $2 AND"
ENDED = "AND j.status NOT IN ('completed', 'failed')"
# Many jobs of one assessment: a million take a minute.
MANY = """
INSERT INTO async_jobs (id, assessment_id, run, job_type, status, max_attempts, created_at, completed_at)
SELECT gen_random_uuid(), $1, 100 + n, 'rag', 'completed', 4, now() - n * interval '1 s', now()
FROM generate_series(1, 20000) AS n
"""


async def queue_again(db: Executor, job: UUID) -> JobNotification | None:
    return await dead_letters.requeue_failed(db, job, 4, None, None)


async def start_run(db: Executor, former: NewestRun) -> list[JobNotification]:
    return await dead_letters.start_run(db, former, {job_type: uuid4() for job_type in JobType}, 4, None, None)


async def failed_gpt(pool: Pool, bank: Bank) -> tuple[UUID, UUID]:
    """An assessment that waits for `rag`, and its `gpt` job."""
    assessment_id = await submit(pool, bank)
    return assessment_id, await fail_job(pool, assessment_id, JobType.GPT, GPT_REASON)


async def over(pool: Pool, bank: Bank, owner: str = "student-1") -> NewestRun:
    """The run of an assessment that failed."""
    assessment_id = await submit(pool, bank, owner)
    for job_type in (JobType.GPT, JobType.RAG, JobType.FUSION):
        last = await fail_job(pool, assessment_id, job_type)
    async with pool.acquire() as conn:
        newest = await dead_letters.lock_newest_run(conn, last)
    assert newest
    return newest


async def test_a_job_is_queued_again_once(pool: Pool, bank: Bank) -> None:
    assessment_id, gpt = await failed_gpt(pool, bank)
    assert await queue_again(pool, gpt)
    assert await queue_again(pool, gpt) is None
    assert (await read_state(pool, assessment_id)).row["remaining"] == 2


async def test_without_its_state_a_job_is_counted_twice(pool: Pool, bank: Bank) -> None:
    assessment_id, gpt = await failed_gpt(pool, bank)
    careless = without_guard(pool, STATE, "AND")
    assert await queue_again(careless, gpt) and await queue_again(careless, gpt)
    assert (await read_state(pool, assessment_id)).row["remaining"] == 3


async def test_a_run_that_was_fanned_in_takes_no_job_back(pool: Pool, bank: Bank) -> None:
    assessment_id, gpt = await failed_gpt(pool, bank)
    rag = await claim_job(pool, assessment_id, JobType.RAG)
    await jobs.finish(pool, rag, JobStatus.COMPLETED, None, None, [])
    assert await queue_again(pool, gpt) is None
    assert (await read_state(pool, assessment_id)).row["remaining"] == 0


async def test_without_that_fusion_goes_on_without_what_it_should_wait_for(pool: Pool, bank: Bank) -> None:
    assessment_id, gpt = await failed_gpt(pool, bank)
    rag = await claim_job(pool, assessment_id, JobType.RAG)
    await jobs.finish(pool, rag, JobStatus.COMPLETED, None, None, [])
    assert await queue_again(without_guard(pool, FANNED_IN, ""), gpt)
    seen = await read_state(pool, assessment_id)
    assert (seen.row["remaining"], seen.due) == (1, {"gpt", "fusion"})


async def test_a_run_has_one_that_comes_after_it(pool: Pool, bank: Bank) -> None:
    former = await over(pool, bank)
    assert len(await start_run(pool, former)) == 2
    assert await start_run(pool, former) == []
    assert (await read_state(pool, former.assessment_id)).row["run"] == 2


async def test_without_its_number_a_run_has_two(pool: Pool, bank: Bank) -> None:
    former = await over(pool, bank)
    assert await start_run(pool, former)
    await pool.execute("UPDATE async_jobs SET status = 'completed', completed_at = now() WHERE run = 2")
    assert await start_run(pool, former) == []
    assert await start_run(without_guard(pool, NEWEST, "AND"), former)
    assert (await read_state(pool, former.assessment_id)).row["run"] == 3


async def test_a_run_that_is_not_over_has_none_after_it(pool: Pool, bank: Bank) -> None:
    """Neither before the end of the assessment, nor while a later run goes on; without the guard it would be left."""
    assessment_id = await submit(pool, bank)
    assert await start_run(pool, NewestRun(assessment_id, 1, ())) == []
    former = await over(pool, bank, "student-2")
    assert await start_run(pool, former)
    second = NewestRun(former.assessment_id, 2, ())
    assert await start_run(pool, second) == []
    assert await start_run(without_guard(pool, ENDED, "AND false"), second)


async def test_the_newest_run_is_held_against_ends_and_other_retries(pool: Pool, bank: Bank) -> None:
    _, gpt = await failed_gpt(pool, bank)
    async with pool.acquire() as conn, conn.transaction():
        assert await dead_letters.lock_newest_run(conn, gpt)
        held = "SELECT id FROM assessments FOR NO KEY UPDATE SKIP LOCKED"
        assert await pool.fetch(held) == []
    assert len(await pool.fetch(held)) == 1


async def test_what_can_be_retried_is_failed_and_of_a_newest_run(pool: Pool, bank: Bank) -> None:
    former = await over(pool, bank)
    assessment_id = await submit(pool, bank, "student-2")
    rag = await fail_job(pool, assessment_id, JobType.RAG, RAG_REASON)
    old = {job.id for job in former.jobs}
    assert set(await dead_letters.list_retryable(pool, 10)) == {*old, rag}
    assert len(await dead_letters.list_retryable(pool, 2)) == 2
    await start_run(pool, former)
    assert await dead_letters.list_retryable(pool, 10) == [rag]


@pytest.mark.parametrize("statuses", [[JobStatus.FAILED], list(JobStatus)], ids=["failed", "all"])
async def test_a_page_is_read_from_the_index_whatever_the_planner_knows(
    conn: Connection, pool: Pool, bank: Bank, statuses: list[JobStatus]
) -> None:
    """A statement that is planned for any filter, as it is after a few pages."""
    assessment_id, _ = await failed_gpt(pool, bank)
    await conn.execute(MANY, assessment_id)
    await conn.execute("ANALYZE async_jobs")
    await conn.execute(
        f"PREPARE page(text[], text, timestamptz, uuid, int) AS {statements('dead_letters')['list_jobs']}"
    )
    await conn.execute("SET plan_cache_mode = force_generic_plan")
    wanted = ",".join(statuses)
    plan = await conn.fetch(f"EXPLAIN EXECUTE page('{{{wanted}}}', NULL, now(), '{uuid4()}', 51)")
    text = "\n".join(row[0] for row in plan)
    assert "async_jobs_newest_idx" in text, text
    assert "Seq Scan on async_jobs" not in text, text
    await conn.execute("RESET plan_cache_mode; DEALLOCATE page")


async def test_the_way_back_drops_what_the_version_before_does_not_know(conn: Connection) -> None:
    """With retries in the audit log; nothing of it stays after the test."""
    back = (MIGRATIONS / "0008.retry-dead-letters.rollback.sql").read_text()
    insert = "INSERT INTO audit_log (actor, action, entity, key) VALUES ('ada', $1, $2, 'x')"
    change = conn.transaction()
    await change.start()
    try:
        await conn.execute(insert, "retry", "job")
        await conn.execute(insert, "create", "track")
        await conn.execute(back)
        assert await conn.fetchval("SELECT array_agg(action::text) FROM audit_log") == ["create"]
        assert await conn.fetchval("SELECT to_regclass('async_jobs_newest_idx')") is None
        with pytest.raises(asyncpg.CheckViolationError):
            await conn.execute(insert, "create", "job")
    finally:
        await change.rollback()
