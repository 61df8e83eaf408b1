"""Assessments as their students work on them, and lists of them."""

from datetime import datetime
from uuid import UUID

from app.domain.assessment.answers import Answer
from app.domain.assessment.questions import QuestionForStudent, for_student
from app.domain.records.assessments import Assessment, AssessmentSummary
from app.domain.states import AssessmentStatus
from app.domain.values import Frozen


class ResponseView(Frozen):
    """An answer as saved."""

    question_id: UUID
    answer: str | int | float | tuple[str, ...]
    saved_at: datetime


class AssessmentView(Frozen):
    """An assessment as its student works on it."""

    assessment_id: UUID
    track: str
    status: AssessmentStatus
    created_at: datetime
    expires_at: datetime
    submitted_at: datetime | None
    questions: tuple[QuestionForStudent, ...]
    responses: tuple[ResponseView, ...]


class AssessmentLineView(Frozen):
    """One line of a list of assessments; `needs_review` says whether an essay waits for a person, because its score is
    in doubt or it has none; null for students."""

    assessment_id: UUID
    track: str
    owner: str
    status: AssessmentStatus
    degraded: bool
    needs_review: bool | None
    created_at: datetime
    expires_at: datetime
    submitted_at: datetime | None
    completed_at: datetime | None


class AssessmentPage(Frozen):
    """A page of assessments."""

    items: tuple[AssessmentLineView, ...]
    next_cursor: str | None


class SavedView(Frozen):
    """What a save did: responses in the request, and questions with an answer of all."""

    assessment_id: UUID
    saved: int
    answered: int
    total: int


def assessment_view(assessment: Assessment) -> AssessmentView:
    """An assessment as seen, without anything that gives an answer away."""
    return AssessmentView(
        assessment_id=assessment.id,
        track=assessment.track,
        status=assessment.status,
        created_at=assessment.created_at,
        expires_at=assessment.expires_at,
        submitted_at=assessment.submitted_at,
        questions=tuple(for_student(question) for question in assessment.questions),
        responses=tuple(
            ResponseView(question_id=saved.question_id, answer=_known(saved.answer), saved_at=saved.saved_at)
            for saved in assessment.responses
        ),
    )


def line_view(line: AssessmentSummary, *, staff: bool) -> AssessmentLineView:
    """A line of a list as students see it, or `staff`."""
    return AssessmentLineView(**vars(line) | {"needs_review": line.needs_review if staff else None})


def _known(answer: Answer) -> str | int | float | tuple[str, ...]:
    if answer is None:
        raise ValueError("a saved response has an answer")
    return answer
