"""Jobs that crash workers: given up with a fallback first, and without any work if that crashes workers too."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.errors import JobError
from app.domain.records.jobs import ClaimedJob
from app.domain.states import JobType
from app.repositories.jobs import FinishedJob
from app.repositories.sql import Pool
from app.services.jobs.runner import JobRunner
from app.services.recommendations import embed_credentials
from tests.bank import Bank
from tests.job_runner import job_id, job_runner, run_due_jobs, submit


class RaisingHandler:
    """A handler that raises, even when it gives the job up."""

    given_up = 0

    async def run(self, job: ClaimedJob) -> FinishedJob | None:
        raise RuntimeError("no")

    async def give_up(self, job: ClaimedJob, error: JobError) -> FinishedJob | None:
        self.given_up += 1
        raise RuntimeError("no")


@pytest.fixture
async def running(pool: Pool, redis_url: str, embedder: OfflineEmbedder) -> AsyncIterator[JobRunner]:
    """A job runner without a model; jobs are given up after three crashes."""
    await embed_credentials.embed_passages(pool, embedder)
    runner = job_runner(pool, redis_url, embedder)
    yield runner
    await runner.job_queue.redis.aclose()


async def reasons_after(pool: Pool, bank: Bank, running: JobRunner, crashes: int) -> dict[str, str]:
    """The codes of the degraded reasons by stage, after so many crashes of both jobs."""
    assessment_id = await submit(pool, bank, answers=bank.all_answers())
    for job_type in (JobType.GPT, JobType.RAG):
        job = await job_id(pool, assessment_id, job_type)
        await pool.execute("UPDATE async_jobs SET crashes = $2 WHERE id = $1", job, crashes)
    await run_due_jobs(pool, running)
    rows = await pool.fetch(
        "SELECT r->>'stage' AS stage, r->>'code' AS code FROM assessments, jsonb_array_elements(degraded_reasons) r"
        " WHERE id = $1 AND status = 'completed'",
        assessment_id,
    )
    return {row["stage"]: row["code"] for row in rows}


async def test_below_the_limit_nothing_is_given_up(pool: Pool, bank: Bank, running: JobRunner) -> None:
    assert await reasons_after(pool, bank, running, 2) == {"gpt": "essay_scored_locally"}


async def test_at_the_limit_jobs_are_given_up_with_their_fallbacks(pool: Pool, bank: Bank, running: JobRunner) -> None:
    assert await reasons_after(pool, bank, running, 3) == {
        "gpt": "essay_scored_locally",
        "rag": "recommendations_fallback",
    }


async def test_beyond_the_limit_jobs_are_given_up_without_fallbacks(pool: Pool, bank: Bank, running: JobRunner) -> None:
    assert await reasons_after(pool, bank, running, 4) == {
        "gpt": "essay_unscored",
        "rag": "recommendations_unavailable",
    }


@pytest.mark.parametrize("job_type", list(JobType))
async def test_a_job_that_cannot_be_given_up_still_ends(
    pool: Pool, bank: Bank, running: JobRunner, job_type: JobType
) -> None:
    assessment_id = await submit(pool, bank)
    handler = RaisingHandler()
    raising = replace(running, handlers={**running.handlers, job_type: handler})
    for _ in range(4):
        await run_due_jobs(pool, raising)
    while await pool.fetchval("SELECT status FROM assessments WHERE id = $1", assessment_id) == "submitted":
        crashes = await pool.fetchval(
            """UPDATE async_jobs SET lease_expires_at = now() - interval '1 s' WHERE status = 'in_progress'
               RETURNING crashes"""
        )
        assert crashes < 10
        await run_due_jobs(pool, raising)
    assert handler.given_up
    job = await pool.fetchrow(
        "SELECT status, error FROM async_jobs WHERE id = $1", await job_id(pool, assessment_id, job_type)
    )
    assert job and (job["status"], job["error"]["code"]) == ("failed", "worker_crashed")
    assert await pool.fetchval("SELECT count(*) FROM async_jobs WHERE status IN ('queued', 'in_progress')") == 0
