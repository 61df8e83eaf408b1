"""When a failed job is tried again, and how: by the runner after a failed attempt, or because an admin asks for it."""

from enum import Enum, auto
from uuid import UUID

from app.domain.errors import Conflict, JobError, JobNotFailed, JobOfOlderRun, TransientError
from app.domain.records.jobs import ClaimedJob, NewestRun
from app.domain.states import JobStatus

# Longer pauses would only delay the result: what still fails by then is given up soon.
MAX_DELAY_SECONDS = 300.0
# A rate limit or an unavailable Postgres is not the job's fault, so the first few of them don't count as attempts.
# Later ones do, or a provider that always refuses would keep the student waiting for ever.
_FREE_REQUEUES = 6
_UNCHARGED_CODES = frozenset({"model_rate_limited", "model_budget_reserved"})
# Keeps the power of two within the range of a float.
_MAX_DOUBLINGS = 30


class RetryPlan(Enum):
    """The ways to retry a job that has failed for good."""

    SAME_RUN = auto()
    NEW_RUN = auto()


def has_free_requeues(job: ClaimedJob) -> bool:
    """Whether the job has free requeues left: claims that were neither attempts nor crashes use them up."""
    return job.fence - job.attempts - job.crashes < _FREE_REQUEUES


def is_charged(job: ClaimedJob, error: JobError) -> bool:
    """Whether this failure uses up one of the job's attempts."""
    return error.code not in _UNCHARGED_CODES or not has_free_requeues(job)


def is_final(job: ClaimedJob, error: JobError) -> bool:
    """Whether the job is given up after this failure."""
    return not isinstance(error, TransientError) or (job.last_attempt and is_charged(job, error))


def retry_delay(job: ClaimedJob, error: JobError, first: float, jitter: float) -> float:
    """Seconds until the next attempt: the backoff, or what the other side asked for where that is longer."""
    requested = error.retry_after if isinstance(error, TransientError) else None
    # An uncharged failure does not raise `attempts`; the fence rises with every claim.
    tries = job.attempts if is_charged(job, error) else job.fence
    return min(max(requested or 0.0, backoff_seconds(first, tries, jitter)), MAX_DELAY_SECONDS)


def backoff_seconds(first: float, tries: int, jitter: float) -> float:
    """Seconds to wait after so many failed tries: `first`, doubled each time up to 300, of which the upper half is
    jitter; `chance` is a random number in [0, 1)."""
    full = min(first * 2.0 ** min(tries - 1, _MAX_DOUBLINGS), MAX_DELAY_SECONDS)
    return full * (0.5 + jitter / 2)


def plan_retry(job_id: UUID, newest: NewestRun) -> RetryPlan:
    """How this failed job can be retried: in its own run while fusion still waits for another job, in a new run once
    its run is over. A run whose fusion is due or running takes no retries.

    Raises:
        JobOfOlderRun: a later run has replaced the job's run.
        JobNotFailed: the job is queued, running or completed.
        Conflict: the run's fusion is due or running; the run is over in a moment.
    """
    job = next((job for job in newest.jobs if job.id == job_id), None)
    if job is None:
        raise JobOfOlderRun(f"the newest run of this assessment is {newest.run}; retry one of its jobs")
    if job.status is not JobStatus.FAILED:
        raise JobNotFailed(f"only a failed job can be retried; this one is {job.status}")
    if all(job.status.ended for job in newest.jobs):
        return RetryPlan.NEW_RUN
    if any(job.feeds_fusion and not job.status.ended for job in newest.jobs):
        return RetryPlan.SAME_RUN
    raise Conflict("the result is being put together; try again when that has ended")


def failed_job_ids(run: NewestRun) -> frozenset[UUID]:
    """The failed jobs of a run that is over; a new run retries all of them."""
    return frozenset(job.id for job in run.jobs if job.status is JobStatus.FAILED)
