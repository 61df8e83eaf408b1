"""Everything that led to a result: database rows as frozen models."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.assessment.answers import Answer, is_empty
from app.domain.assessment.questions import Question, TheoreticalQuestion
from app.domain.essay.score import DimensionPoints
from app.domain.principal import Principal
from app.domain.records.jobs import JobFailure
from app.domain.result.model import Reason
from app.domain.states import JobStatus, JobType, QuestionType, RunMode
from app.domain.values import Frozen


class Rule(StrEnum):
    """The rule that gives a question its points: 0 for no answer; all or nothing, or partial credit, for a theoretical
    question; full points for an answered profile question; the scorer for an essay."""

    NO_ANSWER = "no_answer"
    ALL_OR_NOTHING = "all_or_nothing"
    PARTIAL_CREDIT = "partial_credit"
    ANSWERED = "answered"
    SCORER = "scorer"


class TracedJob(Frozen):
    """A job of the run; `attempts` and `crashes` are counted as in the list of jobs. The detail of `error` ends with
    what the model's provider said."""

    job_id: UUID
    job_type: JobType
    status: JobStatus
    mode: RunMode
    attempts: int
    max_attempts: int
    crashes: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    error: JobFailure | None
    reasons: tuple[Reason, ...]
    request_id: str | None
    traceparent: str | None


class TracedModelCall(Frozen):
    """A call of a model with its raw answer; `of_this_run` is false if the run used an answer that another run
    cached."""

    question_id: UUID | None
    of_this_run: bool
    provider: str
    model: str
    prompt_version: str
    fingerprint: str | None
    outcome: str
    tokens_in: int
    tokens_out: int
    cost_usd: float | None
    latency_ms: int
    answer: str | None
    provider_message: str | None = None
    created_at: datetime


class TracedOverride(Frozen):
    """A person's score, and the machine's score that it overrides or confirms."""

    question_id: UUID
    score: float
    machine_score: float | None
    scorer: str | None
    reason: str
    by: Principal
    at: datetime
    dimensions: DimensionPoints | None
    confirmed: bool


class TracedDelivery(Frozen):
    """A webhook message of the run, with the status code or error of its last attempt."""

    delivery_id: UUID
    type: str
    status: str
    attempts: int
    last_status_code: int | None
    last_error: str | None
    created_at: datetime
    completed_at: datetime | None


class TraceRows(Frozen):
    """What the trace of a run shows besides its result and what its jobs worked on."""

    jobs: tuple[TracedJob, ...]
    calls: tuple[TracedModelCall, ...]
    overrides: tuple[TracedOverride, ...]
    deliveries: tuple[TracedDelivery, ...]


def rule_of(question: Question, answer: Answer) -> Rule:
    """The rule that gives the question its points."""
    if is_empty(answer):
        return Rule.NO_ANSWER
    body = question.body
    if isinstance(body, TheoreticalQuestion):
        return Rule.PARTIAL_CREDIT if body.partial_credit else Rule.ALL_OR_NOTHING
    return Rule.SCORER if body.type is QuestionType.ESSAY else Rule.ANSWERED
