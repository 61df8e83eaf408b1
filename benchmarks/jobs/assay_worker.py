"""Our message layer and pipeline, put together as a worker has them, with work that takes no time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from arq.connections import ArqRedis

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue, queue_key
from app.domain.errors import JobError
from app.domain.job.notification import JobNotification
from app.domain.records.assessments import ClaimedJob
from app.domain.states import JobStatus, JobType
from app.repositories import jobs
from app.repositories.jobs import FinishedJob
from app.repositories.sql import Pool
from app.services.jobs.runner import JobLimits, JobRunner
from workers.queue_worker import QueueWorker

# The bench's jobs are of this type: it ends without a result of its own.
JOB_TYPE = JobType.RAG
# Messages that are rung for together.
_RINGS = 500
Run = Callable[[UUID], Awaitable[None]]


@dataclass(frozen=True)
class Brief:
    """Does what it is given, and finishes the job."""

    pool: Pool
    run_job: Run

    async def run(self, job: ClaimedJob) -> FinishedJob | None:
        """Finishes the job once `run_job` has ended."""
        await self.run_job(job.id)
        return await jobs.finish(self.pool, job, JobStatus.COMPLETED, None, None, [])

    async def give_up(self, job: ClaimedJob, trouble: JobError) -> FinishedJob | None:
        """Never: nothing fails here."""
        raise AssertionError(trouble)


def through_pipeline(pool: Pool, redis_url: str, run: Run) -> Run:
    """What a worker does for a message: claim, `run`, finish."""
    bell = JobQueue(job_queue.connect(redis_url))
    return JobRunner(pool, bell, {JOB_TYPE: Brief(pool, run)}, JobLimits(15, 3, 2)).run


@asynccontextmanager
async def listening(redis_url: str, slots: int, run: Run) -> AsyncIterator[None]:
    """Our worker class, taking messages while the block runs."""
    redis = job_queue.connect(redis_url)
    worker = QueueWorker(ArqRedis(redis.connection_pool), queue_key(JOB_TYPE), slots, run)
    taking = asyncio.create_task(worker.async_run())
    try:
        yield
    finally:
        await ended(taking, *worker.tasks.values())
        await redis.connection_pool.disconnect()


async def ended(*tasks: "asyncio.Task[None]") -> None:
    """Cancels what runs."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def ring(redis_url: str, job_ids: list[UUID]) -> None:
    """Leaves messages for these jobs."""
    bell = JobQueue(job_queue.connect(redis_url))
    for start in range(0, len(job_ids), _RINGS):
        await bell.notify([JobNotification(job_id, JOB_TYPE, 0) for job_id in job_ids[start : start + _RINGS]])
    await bell.redis.aclose()
