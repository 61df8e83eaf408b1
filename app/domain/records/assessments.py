"""What the tables hold, as values."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from app.domain.assessment.answers import Answer
from app.domain.assessment.questions import Question, QuestionBody
from app.domain.assessment.rule_scoring import QuestionScore
from app.domain.assessment.tracks import TrackBody
from app.domain.recommendation.credentials import CredentialBody
from app.domain.result.model import EssayLine, Override, Reason
from app.domain.states import AssessmentStatus, JobStatus, JobType, RunMode, ScoreType


@dataclass(frozen=True)
class Track:
    """A track and its id."""

    id: UUID
    body: TrackBody
    sample: bool = False


@dataclass(frozen=True)
class BankQuestion:
    """A question of the bank in its present version."""

    question_id: UUID
    version: int
    track: str
    body: QuestionBody
    sample: bool


@dataclass(frozen=True)
class Credential:
    """One version of a credential."""

    credential_id: UUID
    version: int
    body: CredentialBody
    sample: bool


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
class StoredAnswer:
    """An answer to a request as it was (or will be) sent; `fingerprint` is that of the request's payload."""

    status: int
    body: bytes
    location: str | None = None
    fingerprint: bytes = b""
    replayed: bool = False


@dataclass(frozen=True)
class AssessmentLine:
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


@dataclass(frozen=True)
class JobLine:
    """One line of a list of jobs."""

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
    error: dict[str, str] | None
    request_id: str | None
    traceparent: str | None


@dataclass(frozen=True)
class JobState:
    """A job and how far it is."""

    id: UUID
    job_type: JobType
    status: JobStatus

    @property
    def feeds_fusion(self) -> bool:
        """Whether `fusion` waits for it."""
        return self.job_type is not JobType.FUSION


@dataclass(frozen=True)
class NewestRun:
    """The newest run of an assessment, as it was while its row was held."""

    assessment_id: UUID
    run: int
    jobs: tuple[JobState, ...]


@dataclass(frozen=True)
class ClaimedJob:
    """A job that this worker holds; every write for it names the fence."""

    id: UUID
    assessment_id: UUID
    run: int
    job_type: JobType
    fence: int
    attempts: int
    crashes: int
    max_attempts: int
    traceparent: str | None
    request_id: str | None

    @property
    def last_attempt(self) -> bool:
        """Whether a failure now is the end."""
        return self.attempts >= self.max_attempts


@dataclass(frozen=True)
class RunJob:
    """Another job of the same run."""

    job_type: JobType
    status: JobStatus
    output: dict[str, Any] | None
    reasons: tuple[Reason, ...]
    started_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True)
class RunInputs:
    """What the jobs of a run work on; it began with the submission, or with the retry that started it."""

    assessment_id: UUID
    track: str
    track_name: str
    track_skills: tuple[str, ...]
    began_at: datetime
    now: datetime
    questions: tuple[Question, ...]
    answers: dict[UUID, Answer]
    rule_scores: dict[ScoreType, tuple[QuestionScore, ...]]
    essays: tuple[EssayLine, ...]
    settled: frozenset[UUID]
    """The essays that this run itself has dealt with, scored or not."""
    mode: RunMode
    overrides: dict[UUID, Override]
    overrides_version: int
    jobs: dict[JobType, RunJob]
    tokens: int
    cost_usd: float
