"""Erasing a person whose jobs have just been claimed: the jobs end without an error, and those of others go on."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.clients.redis.job_queue import JobQueue
from app.domain.states import AssessmentStatus, JobType
from app.repositories import assessments, jobs
from app.repositories.sql import Pool
from app.services.jobs.runner import JobRunner
from tests.bank import Bank
from tests.erasing import erasing, readers_wait
from tests.fakes.conditions import until
from tests.fakes.model_server import ModelServer
from tests.job_runner import job_id, run_due_jobs, submit
from tests.services.essays.essay_runner import EssayRunner
from tests.services.jobs.test_rescore_degraded import Rescoring, essays_sent
from tests.services.person_with_everything import OTHER, SUB
from tests.services.test_erasure import erase, found_in_tables
from tests.webhooks import claim_fusion

LOST = "job_lease_lost"


@pytest.fixture
def queue(running: JobRunner) -> JobQueue:
    return running.job_queue


async def due_job(pool: Pool, bank: Bank, owner: str, job_type: JobType) -> tuple[UUID, UUID]:
    """The ids of a job that is due, and of its assessment."""
    if job_type is JobType.FUSION:
        job = await claim_fusion(pool, bank, owner)
        assert await jobs.release(pool, job)
        return job.id, job.assessment_id
    assessment_id = await submit(pool, bank, owner)
    return await job_id(pool, assessment_id, job_type), assessment_id


# After three crashes, a job is given up, which needs the assessment, too; a fusion is given up without it.
@pytest.mark.parametrize(("job_type", "crashes"), [*((job, 0) for job in JobType), (JobType.GPT, 3), (JobType.RAG, 3)])
async def test_a_person_is_erased_when_their_job_was_claimed(
    pool: Pool, bank: Bank, running: JobRunner, queue: JobQueue, job_type: JobType, crashes: int
) -> None:
    job, erased = await due_job(pool, bank, SUB, job_type)
    others = await submit(pool, bank, OTHER)
    await pool.execute("UPDATE async_jobs SET crashes = $2 WHERE id = $1", job, crashes)
    with capture_logs() as logs:
        async with readers_wait(pool) as one_waits:
            task = asyncio.create_task(running.run(job))
            await one_waits()
            await erase(pool, queue)
        await task
    assert [line["event"] for line in logs if line["log_level"] != "info"] == [LOST]
    assert await found_in_tables(pool, SUB, str(erased), str(job)) == []
    await run_due_jobs(pool, running)
    status = await assessments.read_status(pool, others)
    assert status and status.status is AssessmentStatus.COMPLETED


@pytest.fixture
async def rescoring(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder, provider: ModelServer
) -> AsyncIterator[EssayRunner]:
    async with Rescoring(pool, bank, redis_url, embedder, provider.url) as rescoring:
        yield rescoring


@pytest.mark.parametrize("reserved", [True, False])
async def test_a_person_is_erased_when_their_essay_is_to_be_rescored(
    pool: Pool, rescoring: Rescoring, queue: JobQueue, provider: ModelServer, reserved: bool
) -> None:
    """Before or after the essay was reserved; the other person's essay is rescored in the same pass."""
    # The oldest, so that the probe is recorded for it.
    others = await rescoring.degraded(OTHER)
    erased = await rescoring.degraded(SUB, essay="What nobody else wrote about the moss.")
    rescorer = await rescoring.rescorer()
    if reserved:
        async with readers_wait(pool, 2) as both_wait:
            rescored = asyncio.create_task(rescorer.run_once())
            await both_wait()
            await erase(pool, queue)
    else:
        async with erasing(pool, erased) as somebody_waits:
            rescored = asyncio.create_task(rescorer.run_once())
            await until(somebody_waits)
    with capture_logs() as logs:
        assert await rescored == 1
    assert [line for line in logs if line["log_level"] != "info"] == []
    assert await found_in_tables(pool, str(erased)) == []
    assert not any("moss" in essay for essay in essays_sent(provider))
    await rescoring.finish(await rescoring.model())
    assert (await rescoring.line(others))["scorer"] == "gpt"
