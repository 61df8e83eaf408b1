"""What operators ask of a running server: whether it is ready, and how many jobs wait or run."""

from dataclasses import dataclass

from app.clients.redis.job_queue import REDIS_UNAVAILABLE, JobQueue
from app.domain.states import JobStatus, JobType
from app.outages import report_database_error
from app.repositories import jobs, migrations
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool

_OK = "ok"
_UNREACHABLE = "not reachable"


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


async def check_readiness(pool: Pool, job_queue: JobQueue) -> Readiness:
    """The state of Postgres, its migrations and Redis at this moment."""
    return Readiness(*await _check_database(pool), await _check_redis(job_queue))


async def count_jobs(pool: Pool) -> list[tuple[JobType, JobStatus, int]] | None:
    """The numbers of jobs that wait or run, by type and status; None while Postgres is unavailable."""
    try:
        return await jobs.count_by_status(pool)
    except DATABASE_UNAVAILABLE as error:
        report_database_error(error, "counting jobs")
        return None


async def _check_database(pool: Pool) -> tuple[str, str]:
    try:
        read_only = await migrations.is_read_only(pool)
        applied = await migrations.applied_migrations(pool)
    except DATABASE_UNAVAILABLE as error:
        report_database_error(error, "checking readiness")
        return _UNREACHABLE, "unknown"
    postgres = "read-only" if read_only else _OK
    if not applied:
        return postgres, "none applied; run `assay migrate`"
    pending = len(migrations.known_migrations() - applied)
    return postgres, f"{pending} pending; run `assay migrate`" if pending else _OK


async def _check_redis(job_queue: JobQueue) -> str:
    try:
        await job_queue.ping()
    except REDIS_UNAVAILABLE:
        return _UNREACHABLE
    return _OK
