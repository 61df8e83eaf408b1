"""Numbers of many assessments, as the tables give them."""

from dataclasses import dataclass
from datetime import date

from app.domain.states import AssessmentStatus, JobType, ScoreType


@dataclass(frozen=True)
class ScoreGroup:
    """The machine's scores of a track and type in percent, of one `scorer` or (where `whole`) of all. `count`, mean,
    quantiles (10, 25, 50, 75, 90 %) and histogram (ten bins) are of the questions that have an answer and a score;
    `assessments` and `degraded` are of the track."""

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


@dataclass(frozen=True)
class OverriddenScore:
    """A person's score and the machine's that it stands beside, as shares of the maximum, 0–1."""

    human: float
    machine: float
    scorer: str


@dataclass(frozen=True)
class ModelCallTotals:
    """The calls of a model with one prompt; `cost_usd` is of those whose price is known, None where it is of none."""

    provider: str
    model: str
    prompt_version: str
    calls: int
    outcomes: dict[str, int]
    tokens_in: int
    tokens_out: int
    cost_usd: float | None
    calls_without_cost: int
    latency_p50_ms: float
    latency_p95_ms: float


@dataclass(frozen=True)
class DailyModelCalls:
    """The calls of a day (UTC)."""

    day: date
    calls: int
    tokens_in: int
    tokens_out: int
    cost_usd: float | None


@dataclass(frozen=True)
class Overview:
    """What assessments came to: how many have each status, how many of the completed ones are degraded and for which
    codes, the mean of their results in percent, and the seconds from submission to end that half and 95 % of the
    completed ones took at most."""

    statuses: dict[AssessmentStatus, int]
    degraded: int
    reasons: dict[str, int]
    mean_percentage: float | None
    latency_p50: float | None
    latency_p95: float | None


@dataclass(frozen=True)
class EndedJobs:
    """The jobs of a type that have ended, those of them that failed, and these by the code of their error."""

    job_type: JobType
    ended: int
    failed: int
    codes: dict[str, int]
