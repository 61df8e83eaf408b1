"""Retries of a failed job while its run is in progress: it is queued again in the same run."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.errors import Conflict, JobNotFailed, NotFound
from app.domain.records.jobs import ClaimedJob
from app.domain.states import AssessmentStatus, JobStatus, JobType
from app.repositories import jobs
from app.repositories.sql import Pool
from app.schemas import status_view
from app.services.assessments.submit import Origin
from app.services.jobs.runner import JobRunner
from tests.bank import ESSAY, Bank
from tests.dead_letters import (
    ADMIN,
    ATTEMPTS,
    RAG_REASON,
    fail_job,
    fail_with_one_score,
    read_state,
    retry,
    retry_error,
    worker,
)
from tests.fakes.model_server import ModelServer, essay_of
from tests.job_runner import claim_job, job_id, run_due_jobs, submit

SECOND = f"{ESSAY} This is the second essay."


@pytest.fixture
async def running(
    pool: Pool, redis_url: str, embedder: OfflineEmbedder, provider: ModelServer
) -> AsyncIterator[JobRunner]:
    """A job runner that calls the provider's model."""
    async with worker(pool, redis_url, embedder, provider) as running:
        yield running


async def finish(pool: Pool, job: ClaimedJob) -> None:
    assert await jobs.finish(pool, job, JobStatus.COMPLETED, None, None, [])


async def test_the_job_is_queued_again_with_more_attempts(pool: Pool, bank: Bank, failing_runner: JobRunner) -> None:
    assessment_id = await submit(pool, bank, answers=bank.answers(essay=ESSAY, essay_two=SECOND))
    gpt = await job_id(pool, assessment_id, JobType.GPT)
    await failing_runner.run(gpt)
    before = await read_state(pool, assessment_id)
    assert (before.row["remaining"], before.reasons) == (1, ["missing_responses", "essay_unscored"])
    retried = await retry(pool, gpt, origin=Origin("00-trace-01", "request-2"))
    after = await read_state(pool, assessment_id)
    job = after.jobs[JobType.GPT]
    assert (job["id"], job["status"], after.due) == (gpt, "queued", {"gpt", "rag"})
    assert (job["fence"], job["attempts"], job["max_attempts"], job["crashes"]) == (1, 1, 1 + ATTEMPTS, 0)
    assert [job[name] for name in ("error", "completed_at", "output", "reasons", "lease_expires_at")] == [
        None, None, None, [], None
    ]  # fmt: skip
    assert (job["traceparent"], job["request_id"]) == ("00-trace-01", "request-2")
    assert (after.row["remaining"], after.row["revision"]) == (2, before.row["revision"] + 1)
    assert (after.row["run"], after.row["status"], after.reasons) == (1, "submitted", ["missing_responses"])
    assert retried.job.job_id == gpt
    assert [(due.job_id, due.queue, due.fence) for due in retried.notifications] == [(gpt, JobType.GPT, 1)]
    unscored = "SELECT count(*) FROM scores WHERE score IS NULL"
    assert await pool.fetchval(unscored) == 0


async def test_without_other_reasons_the_assessment_is_no_longer_degraded(pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    rag = await fail_job(pool, assessment_id, JobType.RAG, RAG_REASON)
    assert (await read_state(pool, assessment_id)).row["degraded"]
    await retry(pool, rag)
    after = await read_state(pool, assessment_id)
    assert (after.row["degraded"], after.row["degraded_reasons"]) == (False, [])


async def test_the_result_is_complete_after_the_retry(
    pool: Pool, bank: Bank, failing_runner: JobRunner, running: JobRunner, provider: ModelServer
) -> None:
    assessment_id = await submit(pool, bank)
    gpt = await job_id(pool, assessment_id, JobType.GPT)
    await failing_runner.run(gpt)
    await retry(pool, gpt)
    await run_due_jobs(pool, running)
    seen = await read_state(pool, assessment_id)
    assert (seen.row["status"], seen.row["run"], seen.row["remaining"]) == ("completed", 1, 0)
    assert seen.states == {"gpt": "completed", "rag": "completed", "fusion": "completed"}
    assert "essay_unscored" not in seen.reasons
    assert len(provider.requests) == 2
    assert await pool.fetchval("SELECT count(*) FROM results") == 1


async def test_essays_that_have_a_score_are_not_scored_again(
    pool: Pool, bank: Bank, running: JobRunner, provider: ModelServer
) -> None:
    answers = [*bank.all_answers()[:-1], *bank.answers(essay_two=SECOND)]
    assessment_id = await submit(pool, bank, answers=answers)
    await retry(pool, await fail_with_one_score(pool, assessment_id, bank.ids["essay"]))
    await run_due_jobs(pool, running)
    assert [essay_of(request) for request in provider.requests] == [SECOND]
    assert (await read_state(pool, assessment_id)).row["status"] == "completed"


async def test_a_retry_resets_the_count_of_crashes(pool: Pool, bank: Bank, running: JobRunner) -> None:
    assessment_id = await submit(pool, bank)
    rag = await job_id(pool, assessment_id, JobType.RAG)
    await pool.execute("UPDATE async_jobs SET crashes = 4 WHERE id = $1", rag)
    await running.run(rag)
    assert (await read_state(pool, assessment_id)).states["rag"] == "failed"
    await retry(pool, rag)
    await running.run(rag)
    assert (await read_state(pool, assessment_id)).states["rag"] == "completed"


async def test_progress_never_goes_down_and_is_the_sum_of_its_stages(
    pool: Pool, bank: Bank, failing_runner: JobRunner, running: JobRunner
) -> None:
    """After every step, with a retry that fails and one that succeeds."""
    assessment_id = await submit(pool, bank)
    gpt = await job_id(pool, assessment_id, JobType.GPT)
    seen: list[tuple[float, int]] = []

    async def read_progress() -> None:
        view = status_view((await read_state(pool, assessment_id)).status)
        assert view.overall_progress == sum(stage.weight * stage.percentage for stage in view.stages) / 100
        seen.append((view.overall_progress, (await read_state(pool, assessment_id)).row["revision"]))

    await read_progress()
    for runner in (failing_runner, failing_runner, running):
        await runner.run(gpt)
        await read_progress()
        if runner is failing_runner:
            await retry(pool, gpt)
            await read_progress()
            held = await claim_job(pool, assessment_id, JobType.GPT)
            await read_progress()
            await jobs.release(pool, held)
            await read_progress()
    await run_due_jobs(pool, running)
    await read_progress()
    assert [step for step, _ in seen] == [20.0, *[50.0] * 9, 100.0]
    revisions = [revision for _, revision in seen]
    assert revisions == sorted(set(revisions))


@pytest.mark.parametrize("state", ["due", "running"])
async def test_a_run_whose_fusion_is_due_or_running_takes_no_retry(
    pool: Pool, bank: Bank, failing_runner: JobRunner, state: str
) -> None:
    assessment_id = await submit(pool, bank)
    for job_type in (JobType.GPT, JobType.RAG):
        await failing_runner.run(await job_id(pool, assessment_id, job_type))
    if state == "running":
        await claim_job(pool, assessment_id, JobType.FUSION)
    before = await read_state(pool, assessment_id)
    assert await retry_error(pool, await job_id(pool, assessment_id, JobType.GPT)) is Conflict
    assert await read_state(pool, assessment_id) == before


async def test_only_failed_jobs_can_be_retried(pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    rag = await claim_job(pool, assessment_id, JobType.RAG)
    others = [await job_id(pool, assessment_id, job_type) for job_type in (JobType.GPT, JobType.FUSION)]
    assert [await retry_error(pool, job) for job in (rag.id, *others)] == [JobNotFailed] * 3
    await finish(pool, rag)
    assert await retry_error(pool, rag.id) is JobNotFailed
    assert await retry_error(pool, uuid4()) is NotFound
    assert (await read_state(pool, assessment_id)).status.status is AssessmentStatus.SUBMITTED


async def test_a_retry_is_in_the_audit_log(pool: Pool, bank: Bank) -> None:
    rag = await fail_job(pool, await submit(pool, bank), JobType.RAG, RAG_REASON)
    await retry(pool, rag)
    row = await pool.fetchrow("SELECT actor, action, entity, key, after FROM audit_log WHERE entity = 'job'")
    assert row and tuple(row)[:4] == (ADMIN, "retry", "job", str(rag))
    assert (row["after"]["status"], UUID(row["after"]["job_id"])) == ("queued", rag)
