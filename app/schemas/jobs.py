"""Jobs as operators see them."""

from datetime import datetime
from uuid import UUID

from app.domain.records.jobs import JobRecord
from app.domain.states import JobStatus, JobType
from app.domain.values import Frozen
from app.schemas.status import JobErrorView


class JobLineView(Frozen):
    """A job of any assessment. `attempts` counts the try that runs and those that failed, `crashes` the workers that
    stopped in the middle; `run_after` is when a queued one is due, null where it waits for other jobs."""

    job_id: UUID
    assessment_id: UUID
    track: str
    run: int
    job_type: JobType
    status: JobStatus
    attempts: int
    max_attempts: int
    crashes: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    run_after: datetime | None
    error: JobErrorView | None
    request_id: str | None
    traceparent: str | None


class JobPage(Frozen):
    """A page of jobs."""

    items: tuple[JobLineView, ...]
    next_cursor: str | None


def job_line_view(line: JobRecord) -> JobLineView:
    """A job as operators see it."""
    shown = vars(line) | {
        "error": JobErrorView(**line.error) if line.error else None,
        # Of a job that runs or has ended it tells when it was last due, which nobody asks for.
        "run_after": line.run_after if line.status is JobStatus.QUEUED else None,
    }
    return JobLineView(**shown)
