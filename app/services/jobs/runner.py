"""Running one due job: claiming it, renewing its lease, handling its failures, and recording how it ended."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog

from app.clients.redis.change_feed import PublishChange, publish_nothing
from app.clients.redis.job_queue import REDIS_UNAVAILABLE, JobQueue
from app.domain.errors import JobError, LeaseLost, PermanentError, PoisonJob, TransientError
from app.domain.job import retry
from app.domain.job.notification import JobNotification
from app.domain.records.jobs import ClaimedJob
from app.domain.states import JobStatus, JobType
from app.lifecycle import cancel_and_wait
from app.outages import REDIS, report_database_error
from app.repositories import jobs
from app.repositories.jobs import FinishedJob
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool

log = structlog.get_logger()

_CRASHED = "worker_crashed"
# How often a handler is asked to give a job up after too many crashes, before the job is ended without it.
_MAX_GIVE_UPS = 3
# Two heartbeats in a row may fail before the lease runs out.
_HEARTBEATS_PER_LEASE = 3
# Enough for the reply to a write that has ended the job and with it the lease.
_LAST_WRITE_SECONDS = 0.1
# Between tries while Postgres is unavailable; shorter than the interval at which the relay looks for lost leases.
_DATABASE_PAUSE = 0.25


class JobHandler(Protocol):
    """The work of one job type. Both methods end the job, and return what became due by that; None if the lease is
    lost."""

    async def run(self, job: ClaimedJob) -> FinishedJob | None:
        """Does the work. Raises JobError if the attempt failed."""

    async def give_up(self, job: ClaimedJob, error: JobError) -> FinishedJob | None:
        """Ends the job as failed."""


@dataclass(frozen=True)
class JobLimits:
    """The settings of jobs: lease, number of crashes, and the delay before the first retry in seconds."""

    lease_seconds: float
    max_crashes: int
    retry_delay: float


@dataclass(frozen=True)
class JobRunner:
    """Runs jobs. `publish_change` is called with the assessments that change; `chance` returns random numbers in
    [0, 1) for jitter."""

    pool: Pool
    job_queue: JobQueue
    handlers: Mapping[JobType, JobHandler]
    limits: JobLimits
    publish_change: PublishChange = publish_nothing
    random_fraction: Callable[[], float] = random.random

    async def run(self, job_id: UUID) -> None:
        """Runs the job if it is due and no other worker has it. How it ended is written into its row; nothing is
        raised."""
        try:
            job = await jobs.claim(self.pool, job_id, self.limits.lease_seconds)
        except DATABASE_UNAVAILABLE as error:
            report_database_error(error, "claiming a job")
            return  # the relay notifies again
        if job is None:
            return
        with structlog.contextvars.bound_contextvars(
            job_id=str(job.id), job_type=job.job_type, assessment_id=str(job.assessment_id),
            attempt=job.attempts, request_id=job.request_id, traceparent=job.traceparent,
        ):  # fmt: skip
            self.publish_change(job.assessment_id)
            try:
                await self._run_claimed(job)
            finally:
                self.publish_change(job.assessment_id)

    async def _run_claimed(self, job: ClaimedJob) -> None:
        started = time.monotonic()
        try:
            finished = await self._with_lease(job, lambda: self._attempt(job))
        except asyncio.CancelledError:
            await asyncio.shield(self._release(job))
            raise
        except LeaseLost as error:
            log.warning("job_lease_lost", error=repr(error))
            await self._requeue_once_possible(job)
        except DATABASE_UNAVAILABLE as error:
            report_database_error(error, "running a job")
            await self._requeue_once_possible(job)
        except Exception:
            # The failure could not be recorded. The lease runs out, which counts as a crash, and crashes are limited.
            log.exception("job_not_ended")
        else:
            log.info("job_attempt_ended", seconds=round(time.monotonic() - started, 3))
            if finished and finished.next_job:
                await notify(self.job_queue, [finished.next_job])

    async def _attempt(self, job: ClaimedJob) -> FinishedJob | None:
        handler = self.handlers[job.job_type]
        excess_crashes = job.crashes - self.limits.max_crashes
        if excess_crashes >= 0:
            kind = PoisonJob if excess_crashes else PermanentError
            crashed = kind(_CRASHED, "the workers that tried this stopped unexpectedly")
            return await (
                handler.give_up(job, crashed) if excess_crashes < _MAX_GIVE_UPS else self._end_poison_job(job, crashed)
            )
        try:
            return await handler.run(job)
        except LeaseLost:
            raise
        except JobError as job_error:
            failure = job_error
        except Exception as error:
            if isinstance(error, DATABASE_UNAVAILABLE) and retry.has_free_requeues(job):
                raise
            # A bug of ours must not stop the worker, and another attempt may succeed.
            log.exception("job_raised")
            failure = TransientError("internal_error", "something went wrong on our side")
        if retry.is_final(job, failure):
            log.warning("job_given_up", code=failure.code)
            return await handler.give_up(job, failure)
        await self._retry_later(job, failure)
        return None

    async def _end_poison_job(self, job: ClaimedJob, error: JobError) -> FinishedJob | None:
        """Ends a job whose handler could not even give it up, by one write, so that every submission comes to an
        end."""
        log.error("poison_job_ended", code=error.code)
        if job.job_type is JobType.FUSION:
            return FinishedJob(None) if await jobs.fail_assessment(self.pool, job, error) else None
        return await jobs.finish(self.pool, job, JobStatus.FAILED, error, None, [])

    async def _retry_later(self, job: ClaimedJob, error: JobError) -> None:
        delay = retry.retry_delay(job, error, self.limits.retry_delay, self.random_fraction())
        log.info("job_retried_later", code=error.code, delay=round(delay, 3))
        await jobs.retry_later(self.pool, job, delay, error, charged=retry.is_charged(job, error))

    async def _with_lease(
        self, job: ClaimedJob, work: Callable[[], Awaitable[FinishedJob | None]]
    ) -> FinishedJob | None:
        """Does the work while a heartbeat renews the lease.

        Raises:
            LeaseLost: the lease could not be renewed; the work was cancelled.
        """
        task = asyncio.ensure_future(work())
        heartbeat = asyncio.create_task(self._heartbeat(job))
        try:
            await asyncio.wait({task, heartbeat}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                # The write that ends a job ends its lease as well, perhaps just before its reply arrives here.
                await asyncio.wait({task}, timeout=_LAST_WRITE_SECONDS)
            if not task.done():
                raise LeaseLost from (None if heartbeat.cancelled() else heartbeat.exception())
            return task.result()
        finally:
            await cancel_and_wait(task, heartbeat)

    async def _heartbeat(self, job: ClaimedJob) -> None:
        """Renews the lease; returns when it is lost, or could not be renewed in time."""
        seconds, renewed = self.limits.lease_seconds, time.monotonic()
        while (left := renewed + seconds - time.monotonic()) > 0:
            await asyncio.sleep(min(left, seconds / _HEARTBEATS_PER_LEASE))
            sent = time.monotonic()
            try:
                async with asyncio.timeout(seconds / _HEARTBEATS_PER_LEASE):
                    if not await jobs.renew(self.pool, job, seconds):
                        return
            except DATABASE_UNAVAILABLE as error:
                report_database_error(error, "renewing a lease")
            else:
                renewed = sent

    async def _release(self, job: ClaimedJob) -> None:
        try:
            await jobs.release(self.pool, job)
        except DATABASE_UNAVAILABLE as error:
            report_database_error(error, "handing a job back")  # its lease will run out

    async def _requeue_once_possible(self, job: ClaimedJob) -> None:
        """Hands the job back as soon as Postgres answers, unless another worker has it by then. If that happens before
        the lease has run out, the outage costs the job neither an attempt nor a crash."""
        delay = retry.backoff_seconds(self.limits.retry_delay, job.fence, self.random_fraction())
        while True:
            try:
                await jobs.release(self.pool, job, delay)
                return
            except DATABASE_UNAVAILABLE:
                await asyncio.sleep(_DATABASE_PAUSE)


async def notify(job_queue: JobQueue, notifications: Sequence[JobNotification]) -> None:
    """Wakes workers for jobs whose rows are marked as notified already. While Redis is unavailable this only logs: the
    relay (`app.services.jobs.maintenance`) notifies again for jobs that no worker takes."""
    try:
        await job_queue.notify(notifications)
    except REDIS_UNAVAILABLE as error:
        REDIS.report(error, "notifying workers")
