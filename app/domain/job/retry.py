"""What another try of a failed job is, by how far its run has come."""

from enum import Enum, auto
from uuid import UUID

from app.domain.errors import Conflict, JobNotFailed, JobOfOlderRun
from app.domain.records.assessments import KnownJob, NewestRun
from app.domain.states import JobStatus


class Retry(Enum):
    """The ways to try a failed job again."""

    IN_ITS_RUN = auto()
    IN_A_NEW_RUN = auto()


def way_of(job_id: UUID, newest: NewestRun) -> Retry:
    """How the job of this id can be tried again: in its run while fusion still waits for another job, and in a new run
    once the run is over. A run whose fusion is due is not opened again.

    Raises:
        JobOfOlderRun: a later run took the place of the job's.
        JobNotFailed: the job waits, runs or is completed.
        Conflict: the run's fusion is due or runs; in a moment the run is over.
    """
    job = _named(job_id, newest)
    if job is None:
        raise JobOfOlderRun(f"the newest run of this assessment is {newest.run}; retry one of its jobs")
    if job.status is not JobStatus.FAILED:
        raise JobNotFailed(f"only a failed job can be retried; this one is {job.status}")
    if all(each.status.ended for each in newest.jobs):
        return Retry.IN_A_NEW_RUN
    if any(each.joined and not each.status.ended for each in newest.jobs):
        return Retry.IN_ITS_RUN
    raise Conflict("the result is just being put together; try again when that has ended")


def runs_again(newest: NewestRun) -> frozenset[UUID]:
    """The failed jobs of a run that is over: a new run tries all of them again."""
    return frozenset(job.id for job in newest.jobs if job.status is JobStatus.FAILED)


def _named(job_id: UUID, newest: NewestRun) -> KnownJob | None:
    return next((job for job in newest.jobs if job.id == job_id), None)
