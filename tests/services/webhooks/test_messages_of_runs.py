"""Which message the end of a run makes: the first result, one that takes the place of another, or none."""

from uuid import UUID

from app.domain.records.assessments import ClaimedJob
from app.domain.states import JobStatus, JobType
from app.repositories import jobs
from app.repositories.sql import Pool
from app.services.results.fuse import FusionJob
from app.services.webhooks import registrations as managing
from tests.bank import Bank
from tests.dead_letters import ERROR, RAG_GONE, retry
from tests.webhooks import NOWHERE, SECRET, about_to_end, complete

MESSAGES = "SELECT run, event_type FROM webhook_deliveries WHERE assessment_id = $1 ORDER BY run"


async def told(pool: Pool, assessment_id: UUID) -> list[tuple[int, str]]:
    return [(row["run"], row["event_type"]) for row in await pool.fetch(MESSAGES, assessment_id)]


async def job_of_run(pool: Pool, assessment_id: UUID, run: int, job_type: JobType) -> ClaimedJob:
    """The job, claimed."""
    found = "SELECT id FROM async_jobs WHERE assessment_id = $1 AND run = $2 AND job_type = $3"
    job = await jobs.claim(pool, await pool.fetchval(found, assessment_id, run, job_type), 15)
    assert job
    return job


async def fused_again(pool: Pool, bank: Bank, owner: str, *, early: bool) -> ClaimedJob:
    """The claimed fusion of a second run, after a first one that completed without recommendations; registered
    `early`, the webhook is told of that one too."""
    first = await about_to_end(pool, bank, owner, rag=JobStatus.FAILED)
    if early:
        await managing.register(pool, first.assessment_id, NOWHERE, SECRET)
    await complete(pool, first)
    rag = "SELECT id FROM async_jobs WHERE assessment_id = $1 AND job_type = 'rag'"
    await retry(pool, await pool.fetchval(rag, first.assessment_id))
    again = await job_of_run(pool, first.assessment_id, 2, JobType.RAG)
    assert await jobs.finish(pool, again, JobStatus.FAILED, ERROR, None, [RAG_GONE])
    return await job_of_run(pool, first.assessment_id, 2, JobType.FUSION)


async def test_a_result_that_takes_the_place_of_another_is_a_rescore(pool: Pool, bank: Bank) -> None:
    """Whether the webhook was there before or came after it."""
    for owner, early in (("student-1", True), ("student-2", False)):
        fusion = await fused_again(pool, bank, owner, early=early)
        await complete(pool, fusion)
        if not early:
            assert (await managing.register(pool, fusion.assessment_id, NOWHERE, SECRET)).notification
        first = [(1, "assessment.completed")] if early else []
        assert await told(pool, fusion.assessment_id) == [*first, (2, "assessment.rescored")]


async def test_a_later_run_that_fails_leaves_nothing_to_tell(pool: Pool, bank: Bank) -> None:
    for owner, early in (("student-1", True), ("student-2", False)):
        fusion = await fused_again(pool, bank, owner, early=early)
        failed = await jobs.fail_assessment(pool, fusion, ERROR)
        assert failed and failed.next_job is None
        if not early:
            assert (await managing.register(pool, fusion.assessment_id, NOWHERE, SECRET)).notification
        assert await told(pool, fusion.assessment_id) == [(1, "assessment.completed")]


async def test_the_first_result_after_a_failure_is_a_completion(pool: Pool, bank: Bank) -> None:
    for owner, early in (("student-1", True), ("student-2", False)):
        first = await about_to_end(pool, bank, owner)
        if early:
            await managing.register(pool, first.assessment_id, NOWHERE, SECRET)
        assert await jobs.fail_assessment(pool, first, ERROR)
        await retry(pool, first.id)
        if not early:
            assert (await managing.register(pool, first.assessment_id, NOWHERE, SECRET)).notification
        assert await told(pool, first.assessment_id) == [(1, "assessment.failed")]
        await complete(pool, await job_of_run(pool, first.assessment_id, 2, JobType.FUSION))
        assert await told(pool, first.assessment_id) == [(1, "assessment.failed"), (2, "assessment.completed")]


async def test_an_end_that_nobody_wants_to_hear_of_makes_no_message(pool: Pool, bank: Bank) -> None:
    """No webhook, one that was removed, one that is disabled."""
    for owner in ("none", "removed", "disabled"):
        job = await about_to_end(pool, bank, owner)
        if owner != "none":
            await managing.register(pool, job.assessment_id, NOWHERE, SECRET)
        if owner == "removed":
            await managing.remove(pool, job.assessment_id)
        if owner == "disabled":
            await pool.execute(
                "UPDATE assessments SET webhook_disabled_at = now(), webhook_disabled_reason = 'gone' WHERE id = $1",
                job.assessment_id,
            )
        assert (finished := await FusionJob(pool).run(job)) and finished.next_job is None
        assert await told(pool, job.assessment_id) == []
