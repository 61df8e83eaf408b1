"""Lists of jobs, retries of failed ones (dead letters), and new runs of an assessment."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import asyncpg

from app.domain.job.notification import JobNotification
from app.domain.records.jobs import JobRecord, JobState, NewestRun, RetryableJob, RunRef
from app.domain.states import JobStatus, JobType, RunMode
from app.repositories.sql import Connection, Executor, statements

_SQL = statements("dead_letters")


async def page(
    db: Executor,
    statuses: Iterable[JobStatus],
    job_type: JobType | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
    track: str | None = None,
) -> list[JobRecord]:
    """A page of jobs with one of these statuses, newest first; None: of any type, of any track."""
    created_at, last_id = after or (None, None)
    rows = await db.fetch(_SQL["read_jobs"], list(statuses), job_type, created_at, last_id, limit, None, track)
    return [JobRecord.model_validate(dict(row)) for row in rows]


async def find(db: Executor, job_id: UUID) -> JobRecord | None:
    """The job."""
    row = await db.fetchrow(_SQL["read_jobs"], [], None, None, None, 1, job_id, None)
    return JobRecord.model_validate(dict(row)) if row else None


async def list_retryable(db: Executor, limit: int) -> list[UUID]:
    """Ids of failed jobs that can be retried, oldest first."""
    return [row["id"] for row in await db.fetch(_SQL["list_retryable"], limit)]


async def find_retryable(
    db: Executor, job_type: JobType | None, track: str | None, limit: int
) -> tuple[list[RetryableJob], int]:
    """The first `limit` failed jobs of this type and track (None: any) that can be retried, oldest first, and the
    number of all."""
    rows = [dict(row) for row in await db.fetch(_SQL["find_retryable"], limit, job_type, track)]
    total = rows[0]["total"] if rows else 0
    return [RetryableJob.model_validate({name: row[name] for name in row if name != "total"}) for row in rows], total


async def lock_newest_run(conn: Connection, job_id: UUID) -> NewestRun | None:
    """The newest run of the job's assessment, locked until the transaction ends; None if there is no such job."""
    row = await conn.fetchrow(_SQL["lock_newest_run"], job_id)
    if row is None:
        return None
    jobs = await conn.fetch(_SQL["list_jobs_of_run"], row["assessment_id"], row["run"])
    states = tuple(JobState(job["id"], JobType(job["job_type"]), JobStatus(job["status"])) for job in jobs)
    return NewestRun(row["assessment_id"], row["run"], states)


async def requeue_failed(
    db: Executor, job_id: UUID, attempts: int, traceparent: str | None, request_id: str | None
) -> JobNotification | None:
    """Queues a failed job again in its run, with so many more attempts; None if the job has not failed or fusion no
    longer waits for jobs of the run."""
    row = await db.fetchrow(_SQL["requeue_failed"], job_id, attempts, traceparent, request_id)
    return _notification(row) if row else None


async def start_run(
    db: Executor,
    previous_run: RunRef,
    new_ids: Mapping[JobType, UUID],
    attempts: int,
    traceparent: str | None,
    request_id: str | None,
    rerun: Iterable[JobType] = (),
    mode: RunMode = RunMode.MISSING,
) -> list[JobNotification]:
    """Starts a run that takes over the completed jobs of the former one, except those of the types to `rerun`, and
    returns the jobs that are due; empty if the former run is not over, or no longer the newest. Each job that runs has
    so many attempts; what the request does not say of its origin is that of the former run."""
    jobs = [{"job_id": new_id, "job_type": job_type} for job_type, new_id in new_ids.items()]
    values = (previous_run.assessment_id, previous_run.run, jobs, attempts, traceparent, request_id, list(rerun), mode)
    return [_notification(row) for row in await db.fetch(_SQL["start_run"], *values)]


def _notification(row: asyncpg.Record) -> JobNotification:
    return JobNotification(row["id"], JobType(row["job_type"]), row["fence"], row["owner"])
