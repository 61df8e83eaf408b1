"""Jobs that were given up, and another try of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

from app.domain.errors import Conflict, NotFound
from app.domain.job.notification import JobNotification
from app.domain.job.retry import RetryPlan, failed_job_ids, plan_retry
from app.domain.records.assessments import JobLine, NewestRun
from app.domain.states import AuditAction, AuditEntity, JobType
from app.repositories import audit, dead_letters
from app.repositories.sql import Connection, Executor
from app.schemas import job_line_view
from app.services.assessments.submit import Origin


@dataclass(frozen=True)
class Retried:
    """A retry: the job that runs in the place of the failed one, those to ring for now, and the failed jobs that this
    tried again: all of them, in a new run."""

    job: JobLine
    notifications: tuple[JobNotification, ...]
    answered: frozenset[UUID]


async def find(db: Executor, job_id: UUID) -> JobLine:
    """The job.

    Raises:
        NotFound: there is none of this id.
    """
    job = await dead_letters.find(db, job_id)
    if job is None:
        raise NotFound("there is no such job")
    return job


async def retry(conn: Connection, actor: str, job_id: UUID, attempts: int, origin: Origin) -> Retried:
    """Tries a failed job again, with so many attempts; has to run in a transaction. What `origin` does not say, the
    jobs have from the former try.

    Raises:
        NotFound, JobNotFailed, JobOfOlderRun.
        Conflict: the result is just being put together.
    """
    newest = await dead_letters.hold_newest_run(conn, job_id)
    if newest is None:
        raise NotFound("there is no such job")
    if plan_retry(job_id, newest) is RetryPlan.SAME_RUN:
        ring = await dead_letters.queue_again(conn, job_id, attempts, origin.traceparent, origin.request_id)
        running, rings, answered = job_id, [ring] if ring else [], frozenset({job_id})
    else:
        new_ids = {job_type: uuid4() for job_type in JobType}
        told = (attempts, origin.traceparent, origin.request_id)
        rings = await dead_letters.start_run(conn, newest, new_ids, *told)
        running, answered = _successor(job_id, newest, new_ids), failed_job_ids(newest)
    if not rings:
        raise Conflict("the job's run has just changed")
    job = await find(conn, running)
    await audit.record(conn, actor, AuditAction.RETRY, AuditEntity.JOB, str(job_id), job_line_view(job))
    return Retried(job, tuple(rings), answered)


def _successor(job_id: UUID, newest: NewestRun, new_ids: Mapping[JobType, UUID]) -> UUID:
    """The id of the new run's job of the same type."""
    return next(new_ids[job.job_type] for job in newest.jobs if job.id == job_id)
