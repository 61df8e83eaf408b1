"""Submitting assessments, and running their jobs in the test's own process, without arq."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal
from uuid import UUID

from app.clients.llm.embedder import Embedder
from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.records.jobs import ClaimedJob
from app.domain.states import JobType, Role
from app.repositories import jobs
from app.repositories.sql import Executor, Pool
from app.services.assessments import start
from app.services.assessments.submit import Origin, SubmissionLimits, Submitter
from app.services.caller import Access, Caller
from app.services.essays.injection_check import Detector, check_injection
from app.services.essays.llm_calls import LanguageModel, PaidModel
from app.services.essays.local_estimate import Estimator, estimate_locally
from app.services.essays.score_essays import EssayJob
from app.services.idempotency import IdempotentRequest
from app.services.jobs.runner import JobLimits, JobRunner
from app.services.model_account import ModelAccount, TokenPrice
from app.services.recommendations.model_advice import ModelAdvice
from app.services.recommendations.recommend import RecommendationJob
from app.services.results.fuse import FusionJob
from tests.bank import SLUG, Bank

Finish = Callable[[], Awaitable[None]]
NO_KEY = IdempotentRequest(None, None)
NO_ORIGIN = Origin(None, None)


def job_runner(
    pool: Pool,
    redis_url: str,
    embedder: Embedder,
    *,
    model: LanguageModel | None = None,
    fallback: Literal["local", "none"] = "local",
    second: LanguageModel | None = None,
    prices: Mapping[str, TokenPrice] | None = None,
    budget_usd: float | None = None,
    owner_share: float = 1.0,
    limits: JobLimits | None = None,
    recommend_with: LanguageModel | None = None,
    detect_injection: Detector = check_injection,
    estimate: Estimator = estimate_locally,
) -> JobRunner:
    """A job runner like that of a worker; retries are due at once unless `limits` say otherwise."""

    def paid(model: LanguageModel | None) -> PaidModel | None:
        if model is None:
            return None
        return PaidModel(model, ModelAccount(pool, (prices or {}).get(model.name), budget_usd, owner_share))

    advisor = paid(recommend_with)
    return JobRunner(
        pool,
        JobQueue(job_queue.connect(redis_url)),
        {
            JobType.GPT: EssayJob(
                pool,
                paid(model),
                paid(second),
                embedder,
                fallback,
                detect_injection=detect_injection,
                estimate=estimate,
            ),
            JobType.RAG: RecommendationJob(pool, embedder, ModelAdvice(advisor) if advisor else None),
            JobType.FUSION: FusionJob(pool),
        },
        limits or JobLimits(lease_seconds=15, max_crashes=3, retry_delay=1e-6),
    )


async def run_due_jobs(pool: Pool, runner: JobRunner, max_jobs: int = 50) -> int:
    """Runs due jobs one after the other until none is due; returns how many it ran."""
    for count in range(max_jobs):
        # A negative patience: also jobs that were notified just now.
        due = await jobs.take_unclaimed(pool, JobType, -60, 1)
        if not due:
            return count
        await runner.run(due[0].job_id)
    raise AssertionError("the jobs never end")


def access_of_student(sub: str) -> Access:
    """A student's access to assessments of their own."""
    return Access(Caller(sub, frozenset({Role.STUDENT})), any_owner=False)


async def submit(
    pool: Pool, bank: Bank, owner: str = "student-1", answers: list[dict[str, Any]] | None = None, attempts: int = 4
) -> UUID:
    """Starts an assessment of the small track, and submits it with these answers; None: an answer to every question."""
    async with pool.acquire() as conn:
        assessment, _ = await start.start(conn, owner, SLUG, 3600, 10_000)
    access, submitter = access_of_student(owner), Submitter(pool, SubmissionLimits(10_000, 10_000, attempts))
    responses = bank.all_answers() if answers is None else answers
    pairs = [(UUID(response["question_id"]), response["answer"]) for response in responses]
    draft = await submitter.read_draft(assessment.id, access, NO_KEY)
    await submitter.submit(draft, access, NO_KEY, pairs, NO_ORIGIN)
    return assessment.id


async def job_id(db: Executor, assessment_id: UUID, job_type: JobType) -> UUID:
    """The id of an assessment's only job of this type."""
    only_id: UUID = await db.fetchval(
        "SELECT id FROM async_jobs WHERE assessment_id = $1 AND job_type = $2", assessment_id, job_type
    )
    return only_id


async def claim_job(db: Executor, assessment_id: UUID, job_type: JobType, lease: float = 15) -> ClaimedJob:
    """Claims an assessment's only job of this type."""
    job = await jobs.claim(db, await job_id(db, assessment_id, job_type), lease)
    assert job is not None
    return job
