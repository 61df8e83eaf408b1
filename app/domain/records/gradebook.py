"""Rows of the grade book."""

from datetime import datetime
from uuid import UUID

from app.domain.principal import Principal
from app.domain.states import AssessmentStatus
from app.domain.values import Frozen


class GradebookRow(Frozen):
    """An assessment with the points of its newest result, by type of question and in all, as that result has them;
    null without one. `provisional` says whether they leave out an essay that has no score."""

    assessment_id: UUID
    owner: Principal
    owner_issuer: str | None = None
    track: str
    status: AssessmentStatus
    created_at: datetime
    submitted_at: datetime | None
    completed_at: datetime | None
    theoretical_score: float | None
    theoretical_max_score: float | None
    theoretical_percentage: float | None
    profile_score: float | None
    profile_max_score: float | None
    profile_percentage: float | None
    essay_score: float | None
    essay_max_score: float | None
    essay_percentage: float | None
    overall_score: float | None
    overall_max_score: float | None
    overall_percentage: float | None
    provisional: bool | None
    degraded: bool
    needs_review: bool
