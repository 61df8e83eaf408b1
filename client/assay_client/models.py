"""The service's responses as frozen models.

They accept what a later version of the service may send: unknown fields are ignored, sets of values that may grow
(statuses, types, codes) are plain strings, and only what the API promises is required.
"""

from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

_FINAL_STATUSES = ("completed", "failed", "expired")


class Model(BaseModel):
    """An immutable response or a part of one."""

    # Built at first use: a program uses some of the models, and building all of them delays its start.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


Item = TypeVar("Item", bound=Model)


class Page(Model, Generic[Item]):
    """One page of a list; `next_cursor` leads to the next page."""

    items: tuple[Item, ...]
    next_cursor: str | None = None


class QuestionMix(Model):
    """How many questions of each type an assessment gets."""

    theoretical: int = 0
    profile: int = 0
    essay: int = 0


class Track(Model):
    """A role that a student aims for; `sample` marks tracks that come with the software. `attempts` is None where there
    is no limit; `show_correct` is `always`, `last_attempt` or `never`."""

    slug: str
    name: str
    description: str = ""
    skills: tuple[str, ...] = ()
    question_mix: QuestionMix
    attempts: int | None = None
    retake_after_hours: float = 0
    show_correct: str = "always"
    show_explanations: bool = True
    sample: bool = False


class Option(Model):
    """A choice of a question."""

    id: str
    text: str


class Scale(Model):
    """The ends of a scale, both included."""

    min: int
    max: int


class Question(Model):
    """A question of an assessment. `type` is `theoretical`, `profile` or `essay`; `input` says how a profile question
    is answered: `single`, `multiple`, `scale`, `number` or `text`."""

    question_id: UUID
    version: int
    type: str
    prompt: str
    options: tuple[Option, ...] = ()
    input: str | None = None
    scale: Scale | None = None
    max_characters: int | None = None
    weight: float


class SavedResponse(Model):
    """A saved answer to a question."""

    question_id: UUID
    answer: str | int | float | tuple[str, ...]
    saved_at: datetime


class Assessment(Model):
    """An assessment with its questions and saved responses."""

    assessment_id: UUID
    track: str
    status: str
    created_at: datetime
    expires_at: datetime
    submitted_at: datetime | None = None
    questions: tuple[Question, ...]
    responses: tuple[SavedResponse, ...]


class SavedCounts(Model):
    """How many responses were saved, and how many of all questions have an answer now."""

    assessment_id: UUID
    saved: int
    answered: int
    total: int


class DegradedReason(Model):
    """Why a result lacks something; `stage` is the step where it happened."""

    code: str
    stage: str
    detail: str


class DimensionPoints(Model):
    """A person's points of the four dimensions of an essay, 0–25 each."""

    relevance: int
    depth: int
    clarity: int
    technical: int


class Override(Model):
    """A person's score in points; it counts instead of the computed one. It has `dimensions` if it was given by
    dimension, and is `confirmed` if the person agreed with the computed score."""

    score: float
    reason: str
    by: str
    at: datetime
    dimensions: DimensionPoints | None = None
    confirmed: bool = False


class QuestionAppeal(Model):
    """The student's appeal of a question: `open` until a person has `upheld` the points, or `changed` them, with a
    reply."""

    appeal_id: UUID
    status: str
    text: str
    created_at: datetime
    reply: str | None = None
    answered_at: datetime | None = None


class Appeal(QuestionAppeal):
    """An appeal with its question."""

    assessment_id: UUID
    question_id: UUID


class QuestionScore(Model):
    """A theoretical or profile question; `score`, `correct` and `explanation` are None where they are not shown."""

    question_id: UUID
    score: float | None = None
    max_score: float
    correct: bool | None = None
    missing: bool = False
    override: Override | None = None
    explanation: str | None = None
    appeal: QuestionAppeal | None = None

    @property
    def points(self) -> float | None:
        """The score that counts: the person's, or else the computed one."""
        return self.override.score if self.override else self.score


class ScoreSummary(Model):
    """The points of all questions of one type; overrides count."""

    score: float
    max_score: float
    percentage: float
    count: int
    missing: int
    questions: tuple[QuestionScore, ...]


class PendingEssays(Model):
    """The essays of a submission, which are scored later; `missing` ones have no answer."""

    status: str
    count: int
    missing: int


class SubmissionScores(Model):
    """The scores at the moment of the submission."""

    theoretical: ScoreSummary
    profile: ScoreSummary
    essay: PendingEssays


class QueuedJob(Model):
    """A job that the submission queued."""

    job_id: UUID
    job_type: str
    status: str


class Links(Model):
    """Paths of an assessment in the API."""

    self: str
    status: str
    events: str
    result: str


class Submission(Model):
    """The response to a submission."""

    assessment_id: UUID
    status: str
    submitted_at: datetime
    degraded: bool
    degraded_reasons: tuple[DegradedReason, ...]
    scores: SubmissionScores
    jobs: tuple[QueuedJob, ...]
    links: Links


class Stage(Model):
    """A step of the scoring; `weight` and `percentage` in percent."""

    name: str
    weight: int
    status: str
    percentage: float


class JobError(Model):
    """Why the last attempt of a job failed."""

    code: str
    detail: str


class Job(Model):
    """A background job; `attempts` counts the running attempt and the failed ones."""

    job_id: UUID
    job_type: str
    status: str
    attempts: int
    max_attempts: int
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: JobError | None = None


class RuleScores(Model):
    """The scores that need no essay scorer; known from the submission on."""

    theoretical: ScoreSummary
    profile: ScoreSummary


class Status(Model):
    """The progress of an assessment. `status` is `in_progress`, `submitted`, `completed`, `failed` or `expired`;
    `rescoring` is true while a later run may replace the result."""

    assessment_id: UUID
    status: str
    submitted_at: datetime | None = None
    completed_at: datetime | None = None
    run: int
    rescoring: bool
    degraded: bool
    degraded_reasons: tuple[DegradedReason, ...]
    overall_progress: float
    stages: tuple[Stage, ...]
    jobs: tuple[Job, ...]
    scores: RuleScores | None = None
    webhook_url: str | None = None

    @property
    def final(self) -> bool:
        """Whether the assessment is over: completed, failed or expired."""
        return self.status in _FINAL_STATUSES
