"""Making jobs fail, retrying them, and reading the state of their assessment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from app.clients.llm.chat import ChatModel
from app.clients.llm.embedder import Embedder
from app.domain.errors import CallerError, PermanentError
from app.domain.essay.score import EssayScore
from app.domain.records.assessments import StatusRecord
from app.domain.result.model import Reason
from app.domain.states import JobStatus, JobType, ReasonCode
from app.repositories import assessments, jobs, scores
from app.repositories.sql import Pool
from app.services.assessments.submit import Origin
from app.services.jobs import dead_letters
from app.services.jobs.claimed_run import read_claimed_run
from app.services.jobs.dead_letters import RetriedJob
from app.services.jobs.runner import JobRunner
from tests.domain.builders import dimensions
from tests.fakes.model_server import ModelServer
from tests.job_runner import NO_ORIGIN, claim_job, job_runner

ERROR = PermanentError("test", "a test")
ERROR_BODY = {"code": "test", "detail": "a test"}
RAG_REASON = Reason(code=ReasonCode.RECOMMENDATIONS_UNAVAILABLE, stage="rag", detail="a test")
GPT_REASON = Reason(code=ReasonCode.ESSAY_UNSCORED, stage="gpt", detail="a test")
ADMIN = "admin-1"
ATTEMPTS = 4


async def fail_job(pool: Pool, assessment_id: UUID, job_type: JobType, *reasons: Reason) -> UUID:
    """Claims a job of the first run and gives it up; returns its id."""
    job = await claim_job(pool, assessment_id, job_type)
    if job_type is JobType.FUSION:
        assert await jobs.fail_assessment(pool, job, ERROR)
    else:
        assert await jobs.finish(pool, job, JobStatus.FAILED, ERROR, None, reasons)
    return job.id


async def fail_all_jobs(pool: Pool, assessment_id: UUID) -> None:
    """Fails all jobs of a submitted assessment, and so the assessment."""
    for job_type in JobType:
        await fail_job(pool, assessment_id, job_type)


async def fail_with_one_score(pool: Pool, assessment_id: UUID, essay_id: UUID) -> UUID:
    """Gives up a `gpt` job that has scored one essay and found no score for the others; returns its id."""
    job = await claim_job(pool, assessment_id, JobType.GPT)
    for question in (await read_claimed_run(pool, job)).questions:
        if question.question_id == essay_id:
            half = dimensions(10, 10, 10, 10)
            score = EssayScore(scorer="gpt", model="m", prompt_version="p", confidence=0.5, dimensions=half)
            assert await scores.store_essay_score(pool, job, question, score)
        elif question.body.type == "essay":
            assert await scores.store_unscored(pool, job, question, ReasonCode.ESSAY_UNSCORED)
    assert await jobs.finish(pool, job, JobStatus.FAILED, ERROR, None, [GPT_REASON])
    return job.id


@asynccontextmanager
async def worker(
    pool: Pool, redis_url: str, embedder: Embedder, provider: ModelServer | None = None
) -> AsyncIterator[JobRunner]:
    """A job runner that calls the model of this provider; without a provider its `gpt` jobs fail."""
    model = ChatModel("sk-test", provider.url, "gpt-test", 5) if provider else None
    running = job_runner(pool, redis_url, embedder, model=model, fallback="none")
    yield running
    await running.job_queue.redis.aclose()
    if model:
        await model.close()


async def retry(pool: Pool, job_id: UUID, attempts: int = ATTEMPTS, origin: Origin = NO_ORIGIN) -> RetriedJob:
    """Retries the job as an admin does, in a transaction."""
    async with pool.acquire() as conn, conn.transaction():
        return await dead_letters.retry(conn, ADMIN, job_id, attempts, origin)


async def retry_error(pool: Pool, job_id: UUID) -> type[CallerError] | None:
    """Retries the job; the type of the error if that was refused, None if not."""
    try:
        await retry(pool, job_id)
    except CallerError as error:
        return type(error)
    return None


@dataclass(frozen=True)
class AssessmentState:
    """An assessment with the jobs of its newest run, as they are in the database."""

    row: asyncpg.Record
    jobs: dict[JobType, asyncpg.Record]
    status: StatusRecord

    @property
    def reasons(self) -> list[str]:
        """The codes of the degraded reasons."""
        return [reason.code for reason in self.status.degraded_reasons]

    @property
    def states(self) -> dict[str, str]:
        """The statuses of the jobs."""
        return {job_type.value: job["status"] for job_type, job in self.jobs.items()}

    @property
    def due(self) -> set[str]:
        """The queued jobs that are due."""
        return {job_type.value for job_type, job in self.jobs.items() if job["status"] == "queued" and job["run_after"]}


async def read_state(pool: Pool, assessment_id: UUID) -> AssessmentState:
    """Reads the assessment with the jobs of its newest run."""
    row = await pool.fetchrow("SELECT * FROM assessments WHERE id = $1", assessment_id)
    status = await assessments.read_status(pool, assessment_id)
    assert row is not None and status is not None
    jobs = await pool.fetch("SELECT * FROM async_jobs WHERE assessment_id = $1 AND run = $2", assessment_id, row["run"])
    return AssessmentState(row, {JobType(job["job_type"]): job for job in jobs}, status)
