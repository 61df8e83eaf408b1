"""Database rows of assessments as frozen models."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from app.domain.assessment.answers import Answer
from app.domain.assessment.attempts import Attempts
from app.domain.assessment.disclosure import Disclosure
from app.domain.assessment.questions import Question
from app.domain.assessment.rule_scoring import QuestionScore
from app.domain.assessment.tracks import QuestionMix
from app.domain.principal import Principal
from app.domain.records.jobs import JobFailure
from app.domain.result.model import Reason
from app.domain.states import AssessmentStatus, JobStatus, JobType, ScoreType
from app.domain.values import Frozen


class SavedResponse(Frozen):
    """A saved answer."""

    question_id: UUID
    answer: str | int | float | tuple[str, ...]
    saved_at: datetime


@dataclass(frozen=True)
class Assessment:
    """An assessment with its questions and responses, all of the same moment: `now` by the database's clock.
    `disclosure` is to its owner."""

    id: UUID
    owner: str
    track: str
    track_name: str
    status: AssessmentStatus
    revision: int
    responses_version: int
    run: int
    created_at: datetime
    expires_at: datetime
    submitted_at: datetime | None
    now: datetime
    disclosure: Disclosure
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


class AssessmentSummary(Frozen):
    """An assessment in a list; `needs_review` says whether an essay waits for a person, because its score is in doubt
    or it has none; null for students. `overall_percentage` is that of the result, null without one. `owner_issuer`
    tells people with the same `sub` apart; null where tokens are signed with a secret."""

    assessment_id: UUID
    track: str
    owner: Principal
    owner_issuer: str | None = None
    status: AssessmentStatus
    degraded: bool
    needs_review: bool | None
    overall_percentage: float | None
    created_at: datetime
    expires_at: datetime
    submitted_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True)
class OpenAssessment:
    """An open assessment as its owner sees it in a list, with how many of its questions have an answer."""

    assessment_id: UUID
    track: str
    track_name: str
    expires_at: datetime
    seconds_left: float
    answered: int
    questions: int


@dataclass(frozen=True)
class EndedAssessment:
    """An assessment that its owner has submitted or let expire; `percentage` is that of the newest result, None without
    one or if nothing could be scored."""

    assessment_id: UUID
    track_name: str
    status: AssessmentStatus
    created_at: datetime
    submitted_at: datetime | None
    completed_at: datetime | None
    percentage: float | None


@dataclass(frozen=True)
class OfferedTrack:
    """An active track and what a student has used of its attempts; `open_id` is their open assessment of it."""

    slug: str
    name: str
    description: str
    question_mix: QuestionMix
    attempts: Attempts
    open_id: UUID | None


@dataclass(frozen=True)
class StatusJob:
    """A job of the newest run, with its progress in units."""

    job_id: UUID
    job_type: JobType
    status: JobStatus
    attempts: int
    max_attempts: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    error: JobFailure | None
    units_done: int
    units_total: int


@dataclass(frozen=True)
class StatusHead:
    """What changes together with the status of an assessment. `disclosure` is to its owner, by the track's settings of
    this moment; everything else is the same as long as the revision is."""

    assessment_id: UUID
    owner: str
    disclosure: Disclosure
    status: AssessmentStatus
    revision: int
    run: int
    submitted_at: datetime | None
    completed_at: datetime | None
    webhook_url: str | None


@dataclass(frozen=True)
class StatusRecord(StatusHead):
    """Everything that the status shows of an assessment."""

    degraded: bool
    degraded_reasons: tuple[Reason, ...]
    jobs: tuple[StatusJob, ...]
    rule_scores: dict[ScoreType, tuple[QuestionScore, ...]]
