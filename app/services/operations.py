"""What operators ask of a running server: whether it is ready, and how its jobs and model calls go."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError

from app.clients.redis.connections import cannot_write, refuses_user
from app.clients.redis.job_queue import REDIS_UNAVAILABLE, JobQueue
from app.domain.records.jobs import JobCount
from app.outages import report_database_error
from app.repositories import jobs, migrations, scores
from app.repositories.sql import DATABASE_REFUSES_USER, DATABASE_UNAVAILABLE, Pool

_OK = "ok"
_UNREACHABLE = "not reachable"
_READ_ONLY = "read-only"
_REFUSED = "refuses the user or lacks a right; run `assay doctor`"
# Seconds for which the state of Redis is remembered, so that any number of requests cost one write.
_REDIS_STATE_SECONDS = 2.0


@dataclass(frozen=True)
class Readiness:
    """Each `ok`, or what is wrong."""

    postgres: str
    migrations: str
    redis: str

    @property
    def ready(self) -> bool:
        """Whether the server can serve. It can without Redis: jobs start once it is back."""
        return self.postgres == _OK and self.migrations == _OK


class RedisCheck:
    """Whether Redis takes writes, with a limit of seconds, and remembered for a few more."""

    def __init__(self, job_queue: JobQueue, clock: Callable[[], float] = time.monotonic) -> None:
        self._job_queue, self._clock = job_queue, clock
        self._lock = asyncio.Lock()
        self._state, self._expires_at = "", 0.0

    async def is_ok(self) -> bool:
        """Whether nothing is wrong."""
        return await self.read() == _OK

    async def read(self) -> str:
        """`ok`, or what is wrong."""
        async with self._lock:
            if self._clock() >= self._expires_at:
                self._state = await _check_redis(self._job_queue)
                self._expires_at = self._clock() + _REDIS_STATE_SECONDS
            return self._state


async def check_readiness(pool: Pool, redis: RedisCheck) -> Readiness:
    """The state of Postgres and its migrations at this moment, and that of Redis."""
    return Readiness(*await _check_database(pool), await redis.read())


async def count_jobs(pool: Pool) -> list[JobCount] | None:
    """The numbers of jobs that wait, run or were given up; None while Postgres is unavailable."""
    try:
        return await jobs.count_by_status(pool)
    except DATABASE_UNAVAILABLE as error:
        report_database_error(error, "counting jobs")
        return None


async def count_model_calls(pool: Pool) -> list[tuple[str, str, int]] | None:
    """The numbers of model calls so far, by model and outcome; None while Postgres is unavailable."""
    try:
        return await scores.count_model_calls(pool)
    except DATABASE_UNAVAILABLE as error:
        report_database_error(error, "counting model calls")
        return None


async def _check_database(pool: Pool) -> tuple[str, str]:
    try:
        read_only = await migrations.is_read_only(pool)
        applied = await migrations.applied_migrations(pool)
    except DATABASE_UNAVAILABLE as error:
        report_database_error(error, "checking readiness")
        return _REFUSED if isinstance(error, DATABASE_REFUSES_USER) else _UNREACHABLE, "unknown"
    postgres = _READ_ONLY if read_only else _OK
    if not applied:
        return postgres, "none applied; run `assay migrate`"
    pending = len(migrations.known_migrations() - applied)
    return postgres, f"{pending} pending; run `assay migrate`" if pending else _OK


async def _check_redis(job_queue: JobQueue) -> str:
    try:
        await job_queue.check_writable()
    except ReadOnlyError:
        return _READ_ONLY
    except OutOfMemoryError:
        return "out of memory"
    except REDIS_UNAVAILABLE as error:
        if refuses_user(error):
            return _REFUSED
        if cannot_write(error):
            return "takes no writes"
        return "refuses commands; run `assay doctor`" if isinstance(error, ResponseError) else _UNREACHABLE
    return _OK
