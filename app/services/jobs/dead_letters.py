"""Retrying failed jobs (dead letters) because an admin asks for it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from app.domain.errors import Conflict, NotFound
from app.domain.job.notification import JobNotification
from app.domain.job.retry import RetryPlan, failed_job_ids, plan_retry
from app.domain.records.jobs import JobRecord
from app.domain.states import AuditAction, AuditEntity, JobStatus, JobType
from app.repositories import audit, dead_letters
from app.repositories.sql import Connection, Executor
from app.services import paging
from app.services.assessments.submit import Origin


@dataclass(frozen=True)
class RetriedJob:
    """The job that now runs in place of the failed one, the notifications to send after the commit, and all failed jobs
    that this retried: in a new run, every failed job of the former one."""

    job: JobRecord
    notifications: tuple[JobNotification, ...]
    retried_ids: frozenset[UUID]


async def find(db: Executor, job_id: UUID) -> JobRecord:
    """The job.

    Raises:
        NotFound: there is no job of this id.
    """
    job = await dead_letters.find(db, job_id)
    if job is None:
        raise NotFound("there is no such job")
    return job


async def list_jobs(
    db: Executor,
    status: JobStatus | None,
    job_type: JobType | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
    track: str | None = None,
) -> tuple[list[JobRecord], str | None]:
    """A page of jobs of this status, type and track (None: any), newest first, and the cursor of the next page."""
    statuses = JobStatus if status is None else (status,)
    rows = await dead_letters.page(db, statuses, job_type, after, limit + 1, track)
    return paging.first_page(rows, limit, lambda row: paging.newest_first(row.created_at, row.job_id))


async def retry(conn: Connection, actor: str, job_id: UUID, attempts: int, origin: Origin) -> RetriedJob:
    """Retries a failed job, with so many more attempts; needs a transaction.

    Raises:
        NotFound, JobNotFailed, JobOfOlderRun: there is nothing to retry.
        Conflict: the result is being put together.
    """
    newest = await dead_letters.lock_newest_run(conn, job_id)
    if newest is None:
        raise NotFound("there is no such job")
    if plan_retry(job_id, newest) is RetryPlan.SAME_RUN:
        queued = await dead_letters.requeue_failed(conn, job_id, attempts, origin.traceparent, origin.request_id)
        running_ids, notifications = {job_id: job_id}, [queued] if queued else []
    else:
        new_ids = {job_type: uuid4() for job_type in JobType}
        notifications = await dead_letters.start_run(
            conn, newest, new_ids, attempts, origin.traceparent, origin.request_id
        )
        failed = failed_job_ids(newest)
        running_ids = {job.id: new_ids[job.job_type] for job in newest.jobs if job.id in failed}
    if not notifications:
        raise Conflict("the job's run has just changed")
    for failed_id, running_id in running_ids.items():
        job = await find(conn, running_id)
        await audit.record(conn, actor, AuditAction.RETRY, AuditEntity.JOB, str(failed_id), job)
    return RetriedJob(await find(conn, running_ids[job_id]), tuple(notifications), frozenset(running_ids))
