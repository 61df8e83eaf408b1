"""Database rows of assessments as frozen models."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from app.domain.assessment.answers import Answer
from app.domain.assessment.questions import Question
from app.domain.assessment.rule_scoring import QuestionScore
from app.domain.result.model import Reason
from app.domain.states import AssessmentStatus, JobStatus, JobType, ScoreType


@dataclass(frozen=True)
class SavedResponse:
    """An answer as saved."""

    question_id: UUID
    answer: Answer
    saved_at: datetime


@dataclass(frozen=True)
class Assessment:
    """An assessment with its questions and responses, all read in one moment, `now` by the database's clock."""

    id: UUID
    owner: str
    track: str
    status: AssessmentStatus
    revision: int
    responses_version: int
    run: int
    created_at: datetime
    expires_at: datetime
    submitted_at: datetime | None
    now: datetime
    questions: tuple[Question, ...]
    responses: tuple[SavedResponse, ...]

    @cached_property
    def questions_by_id(self) -> dict[UUID, Question]:
        """The questions by id."""
        return {question.question_id: question for question in self.questions}

    @cached_property
    def answers(self) -> dict[UUID, Answer]:
        """The answers by question."""
        return {response.question_id: response.answer for response in self.responses}


@dataclass(frozen=True)
class AssessmentSummary:
    """One line of a list of assessments."""

    assessment_id: UUID
    track: str
    owner: str
    status: AssessmentStatus
    degraded: bool
    needs_review: bool
    created_at: datetime
    expires_at: datetime
    submitted_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True)
class StatusJob:
    """A job as the status shows it."""

    job_id: UUID
    job_type: JobType
    status: JobStatus
    attempts: int
    max_attempts: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    error: dict[str, str] | None
    units_done: int
    units_total: int


@dataclass(frozen=True)
class StatusRecord:
    """Everything that the status shows."""

    assessment_id: UUID
    owner: str
    status: AssessmentStatus
    revision: int
    run: int
    degraded: bool
    degraded_reasons: tuple[Reason, ...]
    submitted_at: datetime | None
    completed_at: datetime | None
    webhook_url: str | None
    jobs: tuple[StatusJob, ...]
    rule_scores: dict[ScoreType, tuple[QuestionScore, ...]]
