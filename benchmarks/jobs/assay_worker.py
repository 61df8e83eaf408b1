"""Assay's worker and job runner in the process of a benchmark, with jobs that run a given function."""

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
from app.domain.records.jobs import ClaimedJob
from app.domain.states import JobStatus, JobType
from app.repositories import jobs
from app.repositories.jobs import FinishedJob
from app.repositories.sql import Pool
from app.services.jobs.runner import JobLimits, JobRunner
from workers.queue_worker import QueueWorker

# A type whose job can finish without storing a result.
JOB_TYPE = JobType.RAG
# Notifications of one round trip.
_BATCH = 500
RunJob = Callable[[UUID], Awaitable[None]]


@dataclass(frozen=True)
class _FunctionJob:
    """A job handler that calls a function and finishes the job."""

    pool: Pool
    run_job: RunJob

    async def run(self, job: ClaimedJob) -> FinishedJob | None:
        await self.run_job(job.id)
        return await jobs.finish(self.pool, job, JobStatus.COMPLETED, None, None, [])

    async def give_up(self, job: ClaimedJob, error: JobError) -> FinishedJob | None:
        raise AssertionError(error)


def with_job_runner(pool: Pool, redis_url: str, run_job: RunJob) -> RunJob:
    """What a worker does for each message: it claims the job, runs `run_job`, and finishes the job."""
    queue = JobQueue(job_queue.connect(redis_url))
    return JobRunner(pool, queue, {JOB_TYPE: _FunctionJob(pool, run_job)}, JobLimits(15, 3, 2)).run


@asynccontextmanager
async def running_worker(redis_url: str, slots: int, run_job: RunJob) -> AsyncIterator[None]:
    """Runs a `QueueWorker` while the block runs."""
    redis = job_queue.connect(redis_url)
    worker = QueueWorker(ArqRedis(redis.connection_pool), queue_key(JOB_TYPE), slots, run_job)
    running = asyncio.create_task(worker.async_run())
    try:
        yield
    finally:
        await cancel(running, *worker.tasks.values())
        await redis.connection_pool.disconnect()


async def cancel(*tasks: "asyncio.Task[None]") -> None:
    """Cancels the tasks and returns when they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def notify(redis_url: str, job_ids: list[UUID]) -> None:
    """Sends the workers a message for each job."""
    queue = JobQueue(job_queue.connect(redis_url))
    for start in range(0, len(job_ids), _BATCH):
        await queue.notify([JobNotification(job_id, JOB_TYPE, 0) for job_id in job_ids[start : start + _BATCH]])
    await queue.redis.aclose()
