"""Jobs that took workers down: given up with what can still be found, or with nothing where even that took one."""

from collections.abc import AsyncIterator

import pytest

from app.clients.embeddings import OfflineEmbedder
from app.domain.states import JobType
from app.repositories.sql import Pool
from app.services import rescue
from app.services.pipeline import Pipeline
from tests.bank import Bank
from tests.pipelines import job_id, pipeline, run_all, submit


@pytest.fixture
async def running(pool: Pool, redis_url: str, embedder: OfflineEmbedder) -> AsyncIterator[Pipeline]:
    """A pipeline without a model; three crashes are the most."""
    await rescue.embed_passages(pool, embedder)
    made = pipeline(pool, redis_url, embedder)
    yield made
    await made.doorbell.redis.aclose()


async def reasons_after(pool: Pool, bank: Bank, running: Pipeline, crashes: int) -> dict[str, str]:
    """Codes of the result's reasons by stage, after so many crashes of both jobs."""
    assessment_id = await submit(pool, bank, answers=bank.all_answers())
    for job_type in (JobType.GPT, JobType.RAG):
        job = await job_id(pool, assessment_id, job_type)
        await pool.execute("UPDATE async_jobs SET crashes = $2 WHERE id = $1", job, crashes)
    await run_all(pool, running)
    rows = await pool.fetch(
        "SELECT r->>'stage' AS stage, r->>'code' AS code FROM assessments, jsonb_array_elements(degraded_reasons) r"
        " WHERE id = $1 AND status = 'completed'",
        assessment_id,
    )
    return {row["stage"]: row["code"] for row in rows}


async def test_below_the_budget_nothing_is_given_up(pool: Pool, bank: Bank, running: Pipeline) -> None:
    assert await reasons_after(pool, bank, running, 2) == {"gpt": "essay_scored_locally"}


async def test_at_the_end_of_the_budget_the_fallbacks_are_used(pool: Pool, bank: Bank, running: Pipeline) -> None:
    assert await reasons_after(pool, bank, running, 3) == {
        "gpt": "essay_scored_locally",
        "rag": "recommendations_fallback",
    }


async def test_beyond_it_only_what_cannot_fail_is_done(pool: Pool, bank: Bank, running: Pipeline) -> None:
    assert await reasons_after(pool, bank, running, 4) == {
        "gpt": "essay_unscored",
        "rag": "recommendations_unavailable",
    }
