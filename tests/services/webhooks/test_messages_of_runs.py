"""The message that the end of a run creates: completed, rescored, failed, or none."""

from uuid import UUID

from app.domain.records.jobs import ClaimedJob
from app.domain.states import JobStatus, JobType
from app.repositories import jobs
from app.repositories.sql import Pool
from app.services.results.fuse import FusionJob
from app.services.webhooks import registrations
from tests.bank import Bank
from tests.dead_letters import ERROR, RAG_REASON, retry
from tests.webhooks import SECRET, UNREACHABLE_URL, claim_fusion, complete

MESSAGES = "SELECT run, event_type FROM webhook_deliveries WHERE assessment_id = $1 ORDER BY run"


async def messages(pool: Pool, assessment_id: UUID) -> list[tuple[int, str]]:
    return [(row["run"], row["event_type"]) for row in await pool.fetch(MESSAGES, assessment_id)]


async def job_of_run(pool: Pool, assessment_id: UUID, run: int, job_type: JobType) -> ClaimedJob:
    """The claimed job of this run and type."""
    query = "SELECT id FROM async_jobs WHERE assessment_id = $1 AND run = $2 AND job_type = $3"
    job = await jobs.claim(pool, await pool.fetchval(query, assessment_id, run, job_type), 15)
    assert job
    return job


async def claim_second_fusion(pool: Pool, bank: Bank, owner: str, *, early: bool) -> ClaimedJob:
    """The claimed fusion job of a second run, after a first run that completed without recommendations. If registered
    `early`, the webhook gets the message of the first run too."""
    first = await claim_fusion(pool, bank, owner, rag=JobStatus.FAILED)
    if early:
        await registrations.register(pool, first.assessment_id, UNREACHABLE_URL, SECRET)
    await complete(pool, first)
    rag = "SELECT id FROM async_jobs WHERE assessment_id = $1 AND job_type = 'rag'"
    await retry(pool, await pool.fetchval(rag, first.assessment_id))
    rag_job = await job_of_run(pool, first.assessment_id, 2, JobType.RAG)
    assert await jobs.finish(pool, rag_job, JobStatus.FAILED, ERROR, None, [RAG_REASON])
    return await job_of_run(pool, first.assessment_id, 2, JobType.FUSION)


async def test_a_result_that_replaces_another_creates_a_rescored_message(pool: Pool, bank: Bank) -> None:
    """No matter whether the webhook was registered before or after it."""
    for owner, early in (("student-1", True), ("student-2", False)):
        fusion = await claim_second_fusion(pool, bank, owner, early=early)
        await complete(pool, fusion)
        if not early:
            assert (await registrations.register(pool, fusion.assessment_id, UNREACHABLE_URL, SECRET)).notification
        first = [(1, "assessment.completed")] if early else []
        assert await messages(pool, fusion.assessment_id) == [*first, (2, "assessment.rescored")]


async def test_a_later_run_that_fails_creates_no_message(pool: Pool, bank: Bank) -> None:
    for owner, early in (("student-1", True), ("student-2", False)):
        fusion = await claim_second_fusion(pool, bank, owner, early=early)
        failed = await jobs.fail_assessment(pool, fusion, ERROR)
        assert failed and failed.next_job is None
        if not early:
            assert (await registrations.register(pool, fusion.assessment_id, UNREACHABLE_URL, SECRET)).notification
        assert await messages(pool, fusion.assessment_id) == [(1, "assessment.completed")]


async def test_the_first_result_after_a_failure_creates_a_completed_message(pool: Pool, bank: Bank) -> None:
    for owner, early in (("student-1", True), ("student-2", False)):
        first = await claim_fusion(pool, bank, owner)
        if early:
            await registrations.register(pool, first.assessment_id, UNREACHABLE_URL, SECRET)
        assert await jobs.fail_assessment(pool, first, ERROR)
        await retry(pool, first.id)
        if not early:
            assert (await registrations.register(pool, first.assessment_id, UNREACHABLE_URL, SECRET)).notification
        assert await messages(pool, first.assessment_id) == [(1, "assessment.failed")]
        await complete(pool, await job_of_run(pool, first.assessment_id, 2, JobType.FUSION))
        assert await messages(pool, first.assessment_id) == [(1, "assessment.failed"), (2, "assessment.completed")]


async def test_the_end_of_an_assessment_without_an_active_webhook_creates_no_message(pool: Pool, bank: Bank) -> None:
    """Without a webhook, with a removed one, and with a disabled one."""
    for owner in ("none", "removed", "disabled"):
        job = await claim_fusion(pool, bank, owner)
        if owner != "none":
            await registrations.register(pool, job.assessment_id, UNREACHABLE_URL, SECRET)
        if owner == "removed":
            await registrations.remove(pool, job.assessment_id)
        if owner == "disabled":
            await pool.execute(
                "UPDATE assessments SET webhook_disabled_at = now(), webhook_disabled_reason = 'gone' WHERE id = $1",
                job.assessment_id,
            )
        assert (finished := await FusionJob(pool).run(job)) and finished.next_job is None
        assert await messages(pool, job.assessment_id) == []
