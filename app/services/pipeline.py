"""Running a job that the doorbell rang for: claim, heartbeat, work, and what becomes of failures."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog

from app.clients.doorbell import REDIS_AWAY, Doorbell
from app.domain.errors import LastingTrouble, PassingTrouble, Trouble
from app.domain.records import ClaimedJob
from app.domain.states import JobType
from app.domain.views import error_of
from app.repositories import jobs
from app.repositories.jobs import Finished, Ring
from app.repositories.sql import STORAGE_AWAY, Pool
from app.services.score_essays import LeaseLost

log = structlog.get_logger()

MOST_DELAY = 300.0
# A claim, three heartbeats within a lease: two may be lost before the lease is.
_BEATS_IN_A_LEASE = 3


class Work(Protocol):
    """What a job type does. Both return what the end made due, or None where the lease was lost."""

    async def do(self, job: ClaimedJob) -> Finished | None: ...
    async def give_up(self, job: ClaimedJob, trouble: Trouble) -> Finished | None: ...


@dataclass(frozen=True)
class JobLimits:
    """What the settings say about jobs, in seconds and counts."""

    lease_seconds: float
    max_crashes: int
    retry_delay: float


@dataclass(frozen=True)
class Pipeline:
    """Runs jobs. `chance` gives numbers in [0, 1) for the jitter."""

    pool: Pool
    doorbell: Doorbell
    work: Mapping[JobType, Work]
    limits: JobLimits
    chance: Callable[[], float] = random.random

    async def run(self, job_id: UUID) -> None:
        """Does the job if it is due and nobody else has it; leaves its state in the row, whatever happens."""
        job = await jobs.claim(self.pool, job_id, self.limits.lease_seconds)
        if job is None:
            return
        with structlog.contextvars.bound_contextvars(
            job_id=str(job.id), job_type=job.job_type, assessment_id=str(job.assessment_id),
            attempt=job.attempts, request_id=job.request_id, traceparent=job.traceparent,
        ):  # fmt: skip
            await self._held(job)

    async def _held(self, job: ClaimedJob) -> None:
        started = time.monotonic()
        try:
            finished = await self._under_lease(job, lambda: self._attempt(job))
        except LeaseLost:
            log.warning("job_lease_lost")
        except asyncio.CancelledError:
            await asyncio.shield(self._release(job))
            raise
        else:
            log.info("job_attempt_ended", seconds=round(time.monotonic() - started, 3))
            await self._ring(finished)

    async def _attempt(self, job: ClaimedJob) -> Finished | None:
        work = self.work[job.job_type]
        if job.crashes >= self.limits.max_crashes:
            trouble: Trouble = LastingTrouble("worker_crashed", "the workers that tried this stopped unexpectedly")
            return await work.give_up(job, trouble)
        try:
            return await work.do(job)
        except PassingTrouble as passing:
            trouble = passing
        except LastingTrouble as lasting:
            log.warning("job_given_up", code=lasting.code)
            return await work.give_up(job, lasting)
        except (LeaseLost, asyncio.CancelledError):
            raise
        except Exception:
            # A fault of our own must not take the worker down, and trying again may get around it.
            log.exception("job_raised")
            trouble = PassingTrouble("internal_error", "something went wrong on our side")
        if job.last_attempt:
            log.warning("job_given_up", code=trouble.code)
            return await work.give_up(job, trouble)
        await self._retry_later(job, trouble)
        return None

    async def _retry_later(self, job: ClaimedJob, trouble: Trouble) -> None:
        asked = trouble.retry_after if isinstance(trouble, PassingTrouble) else None
        delay = max(asked or 0.0, backoff(self.limits.retry_delay, job.attempts, self.chance()))
        log.info("job_retried_later", code=trouble.code, delay=round(delay, 3))
        await jobs.retry_later(self.pool, job, min(delay, MOST_DELAY), error_of(trouble))

    async def _under_lease(self, job: ClaimedJob, work: Callable[[], Awaitable[Finished | None]]) -> Finished | None:
        """Works while a heartbeat renews the lease.

        Raises:
            LeaseLost: the lease could not be kept; the work was cancelled.
        """
        task = asyncio.ensure_future(work())
        beat = asyncio.create_task(self._heartbeat(job))
        try:
            await asyncio.wait({task, beat}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise LeaseLost
            return task.result()
        finally:
            await _end(task, beat)

    async def _heartbeat(self, job: ClaimedJob) -> None:
        """Renews the lease until it is lost."""
        renewed = time.monotonic()
        while time.monotonic() - renewed < self.limits.lease_seconds:
            await asyncio.sleep(self.limits.lease_seconds / _BEATS_IN_A_LEASE)
            try:
                if not await jobs.renew(self.pool, job, self.limits.lease_seconds):
                    return
            except STORAGE_AWAY:
                log.warning("heartbeat_missed")
            else:
                renewed = time.monotonic()

    async def _release(self, job: ClaimedJob) -> None:
        try:
            await jobs.release(self.pool, job)
        except STORAGE_AWAY:
            log.warning("job_not_released")  # its lease will run out

    async def _ring(self, finished: Finished | None) -> None:
        if finished and finished.due:
            await ring(self.pool, self.doorbell, [finished.due])


def backoff(first: float, attempt: int, chance: float) -> float:
    """Seconds until the next try after `attempt` failed: doubled each time, up to 300, the upper half jittered."""
    full = min(first * 2.0 ** (attempt - 1), MOST_DELAY)
    return full * (0.5 + chance / 2)


async def ring(pool: Pool, doorbell: Doorbell, rings: list[Ring]) -> bool:
    """Whether the doorbell was rung for these jobs and that was noted; if not, the sweeper will ring."""
    try:
        await doorbell.ring(rings)
        await jobs.stamp(pool, [each.job_id for each in rings])
    except (*REDIS_AWAY, *STORAGE_AWAY) as error:
        log.warning("doorbell_not_rung", error=type(error).__name__)
        return False
    return True


async def _end(*tasks: "asyncio.Future[Finished | None] | asyncio.Task[None]") -> None:
    """Cancels what still runs and waits until it has ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
