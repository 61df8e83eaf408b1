"""Running a job that the doorbell rang for: claim, heartbeat, work, and what becomes of failures."""

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
from app.lifecycle import end
from app.outages import REDIS, report_database_error
from app.repositories import jobs
from app.repositories.jobs import FinishedJob
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool

log = structlog.get_logger()

_CRASHED = "worker_crashed"
# Crashes beyond the budget after which giving up, too, is no longer tried.
_LAST_RESORT = 3
# Two heartbeats may be lost before the lease is.
_BEATS_IN_A_LEASE = 3
# Within a process this is long; for work that has to stop it is short, and nothing that it writes counts any more.
_LAST_ANSWER_SECONDS = 0.1
# A pause between tries while Postgres is away, shorter than the sweeper's.
_STORAGE_PAUSE = 0.25


class JobHandler(Protocol):
    """What a job type does. Both return what the end made due, or None where the lease was lost."""

    async def run(self, job: ClaimedJob) -> FinishedJob | None: ...
    async def give_up(self, job: ClaimedJob, trouble: JobError) -> FinishedJob | None: ...


@dataclass(frozen=True)
class JobLimits:
    """What the settings say about jobs, in seconds and counts."""

    lease_seconds: float
    max_crashes: int
    retry_delay: float


@dataclass(frozen=True)
class JobRunner:
    """Runs jobs. `announce` is told which assessments have changed; `chance` gives numbers in [0, 1) for jitter."""

    pool: Pool
    job_queue: JobQueue
    handlers: Mapping[JobType, JobHandler]
    limits: JobLimits
    announce: PublishChange = publish_nothing
    chance: Callable[[], float] = random.random

    async def run(self, job_id: UUID) -> None:
        """Does the job if it is due and nobody else has it; leaves its state in the row, whatever happens."""
        try:
            job = await jobs.claim(self.pool, job_id, self.limits.lease_seconds)
        except DATABASE_UNAVAILABLE as error:
            report_database_error(error, "claiming a job")
            return  # the relay will ring for it again
        if job is None:
            return
        with structlog.contextvars.bound_contextvars(
            job_id=str(job.id), job_type=job.job_type, assessment_id=str(job.assessment_id),
            attempt=job.attempts, request_id=job.request_id, traceparent=job.traceparent,
        ):  # fmt: skip
            self.announce(job.assessment_id)
            try:
                await self._held(job)
            finally:
                self.announce(job.assessment_id)

    async def _held(self, job: ClaimedJob) -> None:
        started = time.monotonic()
        try:
            finished = await self._under_lease(job, lambda: self._attempt(job))
        except asyncio.CancelledError:
            await asyncio.shield(self._release(job))
            raise
        except LeaseLost as error:
            log.warning("job_lease_lost", error=repr(error))
            await self._put_back(job)
        except DATABASE_UNAVAILABLE as error:
            report_database_error(error, "running a job")
            await self._put_back(job)
        except Exception:
            # Not even its end could be written. The lease runs out, and the crash budget ends what always does this.
            log.exception("job_not_ended")
        else:
            log.info("job_attempt_ended", seconds=round(time.monotonic() - started, 3))
            await self._ring(finished)

    async def _attempt(self, job: ClaimedJob) -> FinishedJob | None:
        work = self.handlers[job.job_type]
        over_budget = job.crashes - self.limits.max_crashes
        if over_budget >= 0:
            kind = PoisonJob if over_budget else PermanentError
            crashed = kind(_CRASHED, "the workers that tried this stopped unexpectedly")
            return await (work.give_up(job, crashed) if over_budget < _LAST_RESORT else self._bury(job, crashed))
        try:
            return await work.run(job)
        except LeaseLost:
            raise
        except JobError as trouble:
            found = trouble
        except Exception as error:
            if isinstance(error, DATABASE_UNAVAILABLE) and retry.may_requeue_uncharged(job):
                raise
            # A fault of our own must not take the worker down, and trying again may get around it.
            log.exception("job_raised")
            found = TransientError("internal_error", "something went wrong on our side")
        if retry.is_final(job, found):
            log.warning("job_given_up", code=found.code)
            return await work.give_up(job, found)
        await self._retry_later(job, found)
        return None

    async def _bury(self, job: ClaimedJob, trouble: JobError) -> FinishedJob | None:
        """Ends a job that could not even be given up, by writing nothing but that: every submission comes to an end."""
        log.error("job_buried", code=trouble.code)
        if job.job_type is JobType.FUSION:
            return FinishedJob(None) if await jobs.fail_assessment(self.pool, job, trouble) else None
        return await jobs.finish(self.pool, job, JobStatus.FAILED, trouble, None, [])

    async def _retry_later(self, job: ClaimedJob, trouble: JobError) -> None:
        delay = retry.retry_delay(job, trouble, self.limits.retry_delay, self.chance())
        log.info("job_retried_later", code=trouble.code, delay=round(delay, 3))
        await jobs.retry_later(self.pool, job, delay, trouble, charged=retry.is_charged(job, trouble))

    async def _under_lease(
        self, job: ClaimedJob, work: Callable[[], Awaitable[FinishedJob | None]]
    ) -> FinishedJob | None:
        """Works while a heartbeat renews the lease.

        Raises:
            LeaseLost: the lease could not be kept; the work was cancelled.
        """
        task = asyncio.ensure_future(work())
        beat = asyncio.create_task(self._heartbeat(job))
        try:
            await asyncio.wait({task, beat}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                # A job that has just been ended has no lease either; then only the answer to the last write is due.
                await asyncio.wait({task}, timeout=_LAST_ANSWER_SECONDS)
            if not task.done():
                raise LeaseLost from (None if beat.cancelled() else beat.exception())
            return task.result()
        finally:
            await end(task, beat)

    async def _heartbeat(self, job: ClaimedJob) -> None:
        """Renews the lease until it is lost, or could not be renewed in time."""
        seconds, renewed = self.limits.lease_seconds, time.monotonic()
        while (left := renewed + seconds - time.monotonic()) > 0:
            await asyncio.sleep(min(left, seconds / _BEATS_IN_A_LEASE))
            sent = time.monotonic()
            try:
                async with asyncio.timeout(seconds / _BEATS_IN_A_LEASE):
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

    async def _put_back(self, job: ClaimedJob) -> None:
        """Hands the job back without a charge as soon as Postgres answers; it says no where someone else has the job.

        Done before a sweeper finds the lease run out, an absent Postgres costs the job nothing.
        """
        delay = retry.backoff_seconds(self.limits.retry_delay, job.fence, self.chance())
        while True:
            try:
                await jobs.release(self.pool, job, delay)
                return
            except DATABASE_UNAVAILABLE:
                await asyncio.sleep(_STORAGE_PAUSE)

    async def _ring(self, finished: FinishedJob | None) -> None:
        if finished and finished.next_job:
            await notify(self.job_queue, [finished.next_job])


async def notify(job_queue: JobQueue, notifications: Sequence[JobNotification]) -> None:
    """Wakes workers for jobs whose rows are marked as notified already. Where Redis is unavailable this only logs: the
    relay (`app.services.jobs.maintenance`) notifies again for what no worker takes."""
    try:
        await job_queue.notify(notifications)
    except REDIS_UNAVAILABLE as error:
        REDIS.report(error, "notifying workers")
