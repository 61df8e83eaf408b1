"""The same jobs on the same inputs give the same result: it does not depend on randomness, on the order of rows, or on
the state of a process."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from app import sample_data
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.repositories.sql import Pool
from app.services.assessments import start
from app.services.assessments.submit import SubmissionLimits, Submitter
from app.services.catalog import seed
from app.services.idempotency import IdempotentRequest
from app.services.jobs.rescore import rescore
from app.services.recommendations import embed_credentials
from tests.job_runner import NO_ORIGIN, access_of_student, job_runner, run_due_jobs
from tests.scored_assessments import newest_result

# Fields that differ from run to run.
_RUN_FIELDS = ("completed_at", "processing", "run")
# Updates that change the order of rows in the tables.
_REORDERINGS = (
    "UPDATE passages SET ordinal = ordinal WHERE ends_at % 3 = 1",
    "UPDATE credentials SET sample = sample WHERE hashtext(id::text) % 3 = 1",
    "UPDATE responses SET saved_at = saved_at WHERE hashtext(question_id::text) % 2 = 0",
    "UPDATE scores SET max_score = max_score WHERE hashtext(question_id::text) % 2 = 0",
)


@pytest.fixture
async def embedded(pool: Pool, embedder: OfflineEmbedder) -> Pool:
    """The database with the sample data and its vectors."""
    await seed.seed(pool, sample_data.tracks(), sample_data.questions(), sample_data.credentials(), lambda _: None)
    while await embed_credentials.embed_passages(pool, embedder):
        pass
    return pool


@pytest.fixture
async def new_embedder() -> AsyncIterator[OfflineEmbedder]:
    """An embedder with an empty cache."""
    embedder = OfflineEmbedder()
    yield embedder
    await embedder.close()


async def submit_student(pool: Pool, student: sample_data.SampleStudent) -> UUID:
    """Submits the sample student's answers."""
    async with pool.acquire() as conn:
        assessment, _ = await start.start(conn, student.name, student.track, 3600, 10_000)
    access, none = access_of_student(student.name), IdempotentRequest(None, None)
    submitter = Submitter(pool, SubmissionLimits(10_000, 10_000, 4))
    draft = await submitter.read_draft(assessment.id, access, none)
    answers = [(id_, answer) for id_, answer in student.answers.items() if id_ in assessment.questions_by_id]
    await submitter.submit(draft, access, none, answers, NO_ORIGIN)
    return assessment.id


async def run_jobs(pool: Pool, redis_url: str, assessment_id: UUID, embedder: OfflineEmbedder) -> dict[str, Any]:
    """Runs all jobs; returns the result without the fields that differ from run to run."""
    running = job_runner(pool, redis_url, embedder)
    await run_due_jobs(pool, running)
    await running.job_queue.redis.aclose()
    result = await newest_result(pool, assessment_id)
    return {name: value for name, value in result.items() if name not in _RUN_FIELDS}


async def test_a_rescore_gives_the_same_result(
    embedded: Pool, redis_url: str, embedder: OfflineEmbedder, new_embedder: OfflineEmbedder
) -> None:
    by_track = {student.track: student for student in sample_data.students()}
    assert len(by_track) == 2
    for student in by_track.values():
        assessment_id = await submit_student(embedded, student)
        first = await run_jobs(embedded, redis_url, assessment_id, embedder)
        assert len(first["recommendations"]) == 5 and first["skills"]
        assert all(recommendation["sources"][0]["similarity"] for recommendation in first["recommendations"])
        for statement in _REORDERINGS:
            await embedded.execute(statement)
        async with embedded.acquire() as conn, conn.transaction():
            await rescore(conn, "advisor-1", assessment_id, "once more", 4, NO_ORIGIN)
        again = await run_jobs(embedded, redis_url, assessment_id, new_embedder)
        assert again == first
        newest = "SELECT status FROM async_jobs WHERE assessment_id = $1 AND job_type = 'gpt' ORDER BY run DESC LIMIT 1"
        assert await embedded.fetchval(newest, assessment_id) == "completed", "the essays were estimated again"
        assert await embedded.fetchval("SELECT count(*) FROM results WHERE assessment_id = $1", assessment_id) == 2
