"""Database rows of jobs and runs as frozen models."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.assessment.answers import Answer
from app.domain.assessment.questions import Question
from app.domain.assessment.rule_scoring import QuestionScore
from app.domain.result.model import EssayLine, Override, Reason
from app.domain.states import JobStatus, JobType, RunMode, ScoreType


@dataclass(frozen=True)
class JobRecord:
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
