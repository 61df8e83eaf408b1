"""When a job that failed is tried again, and whether its failure is charged to it."""

from app.domain.errors import JobError, TransientError
from app.domain.records.assessments import ClaimedJob

# Seconds. Longer pauses would only delay the result: what still fails by then is given up soon.
MOST_DELAY = 300.0
# A provider that says "not so fast" and a Postgres that is away are not the job's failure. But a provider that never
# says anything else must not keep a student waiting for ever: after so many free returns, tries are charged as usual.
_FREE_RETURNS = 6
_UNCHARGED = frozenset({"model_rate_limited", "model_budget_reserved"})
# Doubling stops mattering long before; more would be too large for a float one day.
_MOST_DOUBLINGS = 30


def may_return(job: ClaimedJob) -> bool:
    """Whether the job may go back to the queue without a charge; claims that were neither charged nor crashes count."""
    return job.fence - job.attempts - job.crashes < _FREE_RETURNS


def charged(job: ClaimedJob, trouble: JobError) -> bool:
    """Whether this failure uses up an attempt."""
    return trouble.code not in _UNCHARGED or not may_return(job)


def ends(job: ClaimedJob, trouble: JobError) -> bool:
    """Whether nothing more is tried after this failure."""
    return not isinstance(trouble, TransientError) or (job.last_attempt and charged(job, trouble))


def delay(job: ClaimedJob, trouble: JobError, first: float, chance: float) -> float:
    """Seconds until the next try: what the other side asked for, or the backoff where that is longer."""
    asked = trouble.retry_after if isinstance(trouble, TransientError) else None
    # An uncharged failure leaves the attempts as they are; the fence grows with each claim.
    tries = job.attempts if charged(job, trouble) else job.fence
    return min(max(asked or 0.0, backoff(first, tries, chance)), MOST_DELAY)


def backoff(first: float, attempt: int, chance: float) -> float:
    """Seconds until the next try after `attempt` failed: doubled each time, up to 300, the upper half jittered."""
    full = min(first * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS), MOST_DELAY)
    return full * (0.5 + chance / 2)
