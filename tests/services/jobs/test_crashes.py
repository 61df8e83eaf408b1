"""Jobs that took workers down: given up with what can still be found, or with nothing where even that took one."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app.clients.llm.embeddings_local import OfflineEmbedder
from app.domain.errors import JobError
from app.domain.records.jobs import ClaimedJob
from app.domain.states import JobType
from app.repositories.jobs import FinishedJob
from app.repositories.sql import Pool
from app.services.jobs.runner import JobRunner
from app.services.recommendations import embed_credentials
from tests.bank import Bank
from tests.job_runner import job_id, job_runner, run_due_jobs, submit


class Hopeless:
    """Work that neither succeeds nor can be given up."""

    given_up = 0

    async def run(self, job: ClaimedJob) -> FinishedJob | None:
        raise RuntimeError("no")

    async def give_up(self, job: ClaimedJob, trouble: JobError) -> FinishedJob | None:
        self.given_up += 1
        raise RuntimeError("no")


@pytest.fixture
async def running(pool: Pool, redis_url: str, embedder: OfflineEmbedder) -> AsyncIterator[JobRunner]:
    """A pipeline without a model; three crashes are the most."""
    await embed_credentials.embed_passages(pool, embedder)
    made = job_runner(pool, redis_url, embedder)
    yield made
    await made.job_queue.redis.aclose()


async def reasons_after(pool: Pool, bank: Bank, running: JobRunner, crashes: int) -> dict[str, str]:
    """Codes of the result's reasons by stage, after so many crashes of both jobs."""
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


async def test_below_the_budget_nothing_is_given_up(pool: Pool, bank: Bank, running: JobRunner) -> None:
    assert await reasons_after(pool, bank, running, 2) == {"gpt": "essay_scored_locally"}


async def test_at_the_end_of_the_budget_the_fallbacks_are_used(pool: Pool, bank: Bank, running: JobRunner) -> None:
    assert await reasons_after(pool, bank, running, 3) == {
        "gpt": "essay_scored_locally",
        "rag": "recommendations_fallback",
    }


async def test_beyond_it_only_what_cannot_fail_is_done(pool: Pool, bank: Bank, running: JobRunner) -> None:
    assert await reasons_after(pool, bank, running, 4) == {
        "gpt": "essay_unscored",
        "rag": "recommendations_unavailable",
    }


@pytest.mark.parametrize("job_type", list(JobType))
async def test_what_cannot_even_be_given_up_still_ends(
    pool: Pool, bank: Bank, running: JobRunner, job_type: JobType
) -> None:
    assessment_id = await submit(pool, bank)
    work = Hopeless()
    hopeless = replace(running, handlers={**running.handlers, job_type: work})
    for _ in range(4):
        await run_due_jobs(pool, hopeless)
    while await pool.fetchval("SELECT status FROM assessments WHERE id = $1", assessment_id) == "submitted":
        crashes = await pool.fetchval(
            """UPDATE async_jobs SET lease_expires_at = now() - interval '1 s' WHERE status = 'in_progress'
               RETURNING crashes"""
        )
        assert crashes < 10
        await run_due_jobs(pool, hopeless)
    assert work.given_up
    job = await pool.fetchrow(
        "SELECT status, error FROM async_jobs WHERE id = $1", await job_id(pool, assessment_id, job_type)
    )
    assert job and (job["status"], job["error"]["code"]) == ("failed", "worker_crashed")
    assert await pool.fetchval("SELECT count(*) FROM async_jobs WHERE status IN ('queued', 'in_progress')") == 0
