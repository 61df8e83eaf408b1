"""Retrying many failed jobs (dead letters), each in a transaction of its own."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from uuid import UUID

from app.domain.errors import CallerError
from app.domain.records.jobs import RetryableJob
from app.domain.states import JobType
from app.repositories import dead_letters as letters
from app.repositories.sql import Executor, Pool
from app.services.assessments.submit import Origin
from app.services.jobs import dead_letters
from app.services.jobs.dead_letters import RetriedJob


@dataclass(frozen=True)
class RetryOutcome:
    """What became of a retry: the `retried` job, or why it was `refused`. `is_first` is false where the retry of
    another job has already covered this one, in a new run of their assessment."""

    job_id: UUID
    retried: RetriedJob | None = None
    refused: str | None = None
    is_first: bool = True


async def find_retryable(
    db: Executor, job_type: JobType | None, track: str | None, limit: int
) -> tuple[list[RetryableJob], int]:
    """The first `limit` failed jobs of this type and track (None: any) that can be retried, oldest first, and the
    number of all."""
    return await letters.find_retryable(db, job_type, track, limit)


async def retry_each(
    pool: Pool, actor: str, job_ids: Iterable[UUID], attempts: int, origin: Origin
) -> AsyncIterator[RetryOutcome]:
    """Retries these jobs one after the other, as they are now: one that somebody else has retried meanwhile, or that is
    gone, is refused, and the others go on."""
    covered: dict[UUID, RetriedJob] = {}
    for job_id in job_ids:
        if job_id in covered:
            yield RetryOutcome(job_id, covered[job_id], is_first=False)
            continue
        try:
            async with pool.acquire() as conn, conn.transaction():
                retried = await dead_letters.retry(conn, actor, job_id, attempts, origin)
        except CallerError as error:
            yield RetryOutcome(job_id, refused=error.detail)
            continue
        covered |= dict.fromkeys(retried.retried_ids, retried)
        yield RetryOutcome(job_id, retried)
