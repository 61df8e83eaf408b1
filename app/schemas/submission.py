"""The response to a submission in the API."""

from datetime import datetime
from uuid import UUID

from app.domain.result.model import Reason
from app.domain.states import AssessmentStatus, JobStatus, JobType, ReasonCode
from app.domain.text import count_of
from app.domain.values import Frozen
from app.schemas.scores import ScoreSummaryView


class QueuedEssays(Frozen):
    """The essays, whose scores follow later; `missing` of them have no answer."""

    status: JobStatus
    count: int
    missing: int


class SubmittedScores(Frozen):
    """The scores that are known at the submission."""

    theoretical: ScoreSummaryView
    profile: ScoreSummaryView
    essay: QueuedEssays


class QueuedJob(Frozen):
    """A job that was queued."""

    job_id: UUID
    job_type: JobType
    status: JobStatus


class Links(Frozen):
    """The addresses of an assessment, its status, events and result."""

    self: str
    status: str
    events: str
    result: str


class SubmissionView(Frozen):
    """The response to a submission."""

    assessment_id: UUID
    status: AssessmentStatus
    submitted_at: datetime
    degraded: bool
    degraded_reasons: tuple[Reason, ...]
    scores: SubmittedScores
    jobs: tuple[QueuedJob, ...]
    links: Links


def links(assessment_id: UUID, public_url: str = "") -> Links:
    """The addresses of an assessment; without a `public_url`, their paths."""
    base = f"{public_url}/assessments/{assessment_id}"
    return Links(self=base, status=f"{base}/status", events=f"{base}/events", result=f"{base}/result")


def missing_reason(missing: int, total: int) -> tuple[Reason, ...]:
    """The reason for being degraded if questions have no answer."""
    if not missing:
        return ()
    has = "has" if missing == 1 else "have"
    detail = f"{missing} of {count_of(total, 'question')} {has} no answer"
    return (Reason(code=ReasonCode.MISSING_RESPONSES, stage="rule_score", detail=detail),)
