"""Jobs as operators list them, and failed ones that are tried again."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import asyncpg

from app.domain.job.notification import JobNotification
from app.domain.records.assessments import JobLine, KnownJob, NewestRun
from app.domain.states import JobStatus, JobType, RunMode
from app.repositories.sql import Connection, Executor, statements

_SQL = statements("dead_letters")


async def page(
    db: Executor,
    statuses: Iterable[JobStatus],
    job_type: JobType | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[JobLine]:
    """Jobs with one of these statuses, newest first."""
    created_at, last_id = after or (None, None)
    rows = await db.fetch(_SQL["list_jobs"], list(statuses), job_type, created_at, last_id, limit)
    return [_line(row) for row in rows]


async def find(db: Executor, job_id: UUID) -> JobLine | None:
    """The job."""
    row = await db.fetchrow(_SQL["find_job"], job_id)
    return _line(row) if row else None


async def failed_of_newest_runs(db: Executor, limit: int) -> list[UUID]:
    """The failed jobs that can be retried, oldest first."""
    return [row["id"] for row in await db.fetch(_SQL["failed_of_newest_runs"], limit)]


async def hold_newest_run(conn: Connection, job_id: UUID) -> NewestRun | None:
    """The newest run of the job's assessment, which stays as it is until the transaction ends; None where there is no
    such job."""
    held = await conn.fetchrow(_SQL["hold_newest_run"], job_id)
    if held is None:
        return None
    rows = await conn.fetch(_SQL["jobs_of_run"], held["assessment_id"], held["run"])
    known = tuple(KnownJob(row["id"], JobType(row["job_type"]), JobStatus(row["status"])) for row in rows)
    return NewestRun(held["assessment_id"], held["run"], known)


async def queue_again(
    db: Executor, job_id: UUID, attempts: int, traceparent: str | None, request_id: str | None
) -> JobNotification | None:
    """The failed job, back in the queue of its run with so many more attempts; None where it or the run is not in the
    state to leave."""
    row = await db.fetchrow(_SQL["queue_again"], job_id, attempts, traceparent, request_id)
    return _ring(row) if row else None


async def start_run(
    db: Executor,
    former: NewestRun,
    new_ids: Mapping[JobType, UUID],
    attempts: int,
    traceparent: str | None,
    request_id: str | None,
    again: Iterable[JobType] = (),
    mode: RunMode = RunMode.MISSING,
) -> list[JobNotification]:
    """What is due of a new run that takes over what the former one completed, but for the jobs that are to run `again`;
    empty where that one is not over, or not the newest any more. The jobs that run have so many attempts."""
    named = [{"job_id": new_id, "job_type": job_type} for job_type, new_id in new_ids.items()]
    values = (former.assessment_id, former.run, named, attempts, traceparent, request_id, list(again), mode)
    return [_ring(row) for row in await db.fetch(_SQL["start_run"], *values)]


def _ring(row: asyncpg.Record) -> JobNotification:
    return JobNotification(row["id"], JobType(row["job_type"]), row["fence"])


def _line(row: asyncpg.Record) -> JobLine:
    typed = {"job_type": JobType(row["job_type"]), "status": JobStatus(row["status"])}
    return JobLine(**dict(row) | typed)
