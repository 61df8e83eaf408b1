"""Figures of many assessments as frozen models."""

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from app.domain.period import Period
from app.domain.states import AppealStatus, AssessmentStatus, JobType, QuestionType, ScoreType
from app.domain.values import Frozen


class Coverage(Frozen):
    """How a period is read: `days` have counts that are kept, and what lies between, from each of `starts` up to the
    same of `ends`, is counted now."""

    period: Period
    days: tuple[date, ...]
    starts: tuple[datetime, ...]
    ends: tuple[datetime, ...]


class ScoreCount(Frozen):
    """How many scores of a track, type and scorer have this percentage, or none because they are `missing` or
    `unscored`; those with `of_person` are people's."""

    track: str
    score_type: ScoreType
    of_person: bool
    scorer: str | None
    missing: bool
    unscored: bool
    percentage: float | None
    count: int
    dropped_quotes: int


class CompletedTotals(Frozen):
    """How many assessments of a track are completed, and how many of these are degraded."""

    track: str
    assessments: int
    degraded: int


class AssessmentCount(Frozen):
    """How many assessments, appeals or jobs have this key or value; `total` is a sum of values. The figures are those
    of `count_assessments` (migration 0042)."""

    figure: str
    key: str
    value: float | None
    count: int
    total: float | None


class ScoreGroup(Frozen):
    """The scores of a track and type in percent, by one `scorer` or (if `whole`) by all. `count`, mean, quantiles (10,
    25, 50, 75, 90 %) and histogram (ten bins) are of the questions with an answer and a score; `assessments` and
    `degraded` are of the track. `whole` leaves people's scores out; they are those of the scorer `person`."""

    track: str
    score_type: ScoreType
    scorer: str | None
    whole: bool
    count: int
    missing: int
    unscored: int
    mean: float | None
    quantiles: tuple[float, ...] | None
    histogram: tuple[int, ...]
    dropped_quotes: int
    assessments: int
    degraded: int


class OverriddenScore(Frozen):
    """A person's score and the machine's score that it overrides or confirms, as shares of the maximum, 0–1."""

    human: float
    machine: float
    scorer: str


class QuestionStatistics(Frozen):
    """How a question did: the beginning of its text, how often it was answered, the mean share of its points (0–1), and
    how its points go with the students' other points (a correlation, -1 to 1). The last two are None where there are
    too few answers."""

    question_id: UUID
    question_type: QuestionType
    prompt: str
    answered: int
    mean_share: float | None
    discrimination: float | None


class ModelCallTotals(Frozen):
    """The calls of a model with one prompt, by outcome; `cost_usd` is of those whose price is known, null where it is
    of none, and `calls_without_cost` counts the others. `provider_messages` has the newest words of the provider for
    each outcome that it explained. Latencies in milliseconds; those of former days count to within one percent."""

    provider: str
    model: str
    prompt_version: str
    calls: int
    outcomes: dict[str, int]
    provider_messages: dict[str, str] = Field(default_factory=dict, exclude_if=lambda messages: not messages)
    tokens_in: int
    tokens_out: int
    cost_usd: float | None
    calls_without_cost: int
    latency_p50_ms: float
    latency_p95_ms: float


class DailyModelCalls(Frozen):
    """The calls of a day (UTC)."""

    day: date
    calls: int
    tokens_in: int
    tokens_out: int
    cost_usd: float | None


class EndedJobs(Frozen):
    """The jobs of a type that have ended, and how many failed, by the code of their error."""

    job_type: JobType
    ended: int
    failed: int
    codes: dict[str, int]


class Overview(Frozen):
    """The assessments of a period: how many have each status, how many of the completed ones are degraded and for which
    reason codes, their appeals by status, the mean of their results in percent, the median and 95th percentile of the
    seconds from submission to completion, and their ended jobs of all runs."""

    statuses: dict[AssessmentStatus, int]
    degraded: int
    reasons: dict[str, int]
    appeals: dict[AppealStatus, int]
    mean_percentage: float | None
    latency_p50: float | None
    latency_p95: float | None
    jobs: tuple[EndedJobs, ...]
