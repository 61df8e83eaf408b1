"""Assessments as their students work on them, and lists of assessments, in the API."""

from datetime import datetime
from uuid import UUID

from app.domain.assessment.questions import QuestionForStudent, for_student
from app.domain.principal import issuer_of
from app.domain.records.assessments import Assessment, AssessmentSummary, SavedResponse
from app.domain.states import AssessmentStatus
from app.domain.values import Frozen


class AssessmentView(Frozen):
    """An assessment as its student works on it."""

    assessment_id: UUID
    track: str
    status: AssessmentStatus
    created_at: datetime
    expires_at: datetime
    submitted_at: datetime | None
    questions: tuple[QuestionForStudent, ...]
    responses: tuple[SavedResponse, ...]


class AssessmentPage(Frozen):
    """A page of assessments."""

    items: tuple[AssessmentSummary, ...]
    next_cursor: str | None


class SavedView(Frozen):
    """How many responses a request saved, and how many questions have an answer now, of how many in `total`."""

    assessment_id: UUID
    saved: int
    answered: int
    total: int


def assessment_view(assessment: Assessment) -> AssessmentView:
    """An assessment for its student, without answer keys, model answers or rubrics."""
    return AssessmentView(
        assessment_id=assessment.id,
        track=assessment.track,
        status=assessment.status,
        created_at=assessment.created_at,
        expires_at=assessment.expires_at,
        submitted_at=assessment.submitted_at,
        questions=tuple(for_student(question) for question in assessment.questions),
        responses=assessment.responses,
    )


def summary_view(summary: AssessmentSummary, *, staff: bool) -> AssessmentSummary:
    """An assessment in a list, as `staff` or students see it."""
    hidden = {} if staff else {"needs_review": None}
    return summary.model_copy(update={"owner_issuer": issuer_of(summary.owner), **hidden})
