"""Database rows of jobs and runs as frozen models."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from app.domain.assessment.answers import Answer
from app.domain.assessment.disclosure import Disclosure
from app.domain.assessment.questions import Question
from app.domain.assessment.rule_scoring import QuestionScore
from app.domain.result.model import EssayLine, Override, Reason
from app.domain.states import JobStatus, JobType, RunMode, ScoreType
from app.domain.values import Frozen


class RunRef(Protocol):
    """Anything that names a run of an assessment."""

    @property
    def assessment_id(self) -> UUID: ...
    @property
    def run(self) -> int: ...


class JobFailure(Frozen):
    """Why the last attempt of a job failed, in words fit for users."""

    code: str
    detail: str


class JobRecord(Frozen):
    """A job as operators see it. `attempts` counts the running attempt and those that failed, `crashes` the workers
    that stopped in the middle; `run_after` is when a queued job is due, null where it waits for other jobs. The detail
    of `error` ends with what the model's provider said."""

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
    error: JobFailure | None
    request_id: str | None
    traceparent: str | None


class RetryableJob(Frozen):
    """A failed job of the newest run, which may be retried; `completed_at` is when it was given up."""

    job_id: UUID
    assessment_id: UUID
    track: str
    job_type: JobType
    attempts: int
    completed_at: datetime | None
    error: JobFailure | None


@dataclass(frozen=True)
class JobState:
    """A job and its status."""

    id: UUID
    job_type: JobType
    status: JobStatus

    @property
    def feeds_fusion(self) -> bool:
        """Whether fusion waits for this job."""
        return self.job_type is not JobType.FUSION


@dataclass(frozen=True)
class NewestRun:
    """The newest run of an assessment with its jobs, read while the assessment was locked."""

    assessment_id: UUID
    run: int
    jobs: tuple[JobState, ...]


@dataclass(frozen=True)
class ClaimedJob:
    """A job that this worker holds. Every write for it names the fence, and has no effect if another worker has it.
    `owner` is the student whose assessment it is."""

    id: UUID
    assessment_id: UUID
    owner: str
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
        """Whether the job has no attempts left after this one."""
        return self.attempts >= self.max_attempts


@dataclass(frozen=True)
class JobCount:
    """The number of jobs of a type and status, and for how many seconds the one that is due for longest has waited."""

    job_type: JobType
    status: JobStatus
    count: int
    delay: float


@dataclass(frozen=True)
class RunJob:
    """A job of a run, as other jobs of the run see it."""

    job_type: JobType
    status: JobStatus
    output: dict[str, Any] | None
    reasons: tuple[Reason, ...]
    started_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True)
class RunInputs:
    """Everything that the jobs of a run work on. `disclosure` is to the student. `began_at` is the time of the
    submission, or of the request that started a later run; `settled` are the essays that this run itself has scored, or
    found that they cannot be scored; `figures` are the exact ones behind local estimates, by question."""

    assessment_id: UUID
    track: str
    track_name: str
    track_skills: tuple[str, ...]
    disclosure: Disclosure
    began_at: datetime
    now: datetime
    questions: tuple[Question, ...]
    answers: dict[UUID, Answer]
    rule_scores: dict[ScoreType, tuple[QuestionScore, ...]]
    essays: tuple[EssayLine, ...]
    figures: dict[UUID, dict[str, float]]
    finished_essay_ids: frozenset[UUID]
    mode: RunMode
    overrides: dict[UUID, Override]
    overrides_version: int
    jobs: dict[JobType, RunJob]
    tokens: int
    cost_usd: float | None
