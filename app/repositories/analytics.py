"""Numbers of many assessments."""

from app.domain.period import Period
from app.domain.records.analytics import (
    DailyModelCalls,
    EndedJobs,
    ModelCallTotals,
    OverriddenScore,
    Overview,
    ScoreGroup,
)
from app.domain.states import AssessmentStatus, JobType, ScoreType
from app.repositories.sql import Executor, statements

_SQL = statements("analytics")


async def overview(db: Executor, track: str | None, period: Period) -> Overview:
    """What the assessments that were started in the period came to."""
    row = await db.fetchrow(_SQL["overview"], track, period.start, period.end)
    if row is None:
        raise RuntimeError("numbers of all rows are one row")
    statuses = {AssessmentStatus(status): count for status, count in row["statuses"].items()}
    return Overview(**{**dict(row), "statuses": statuses})


async def job_ends(db: Executor, track: str | None, period: Period) -> list[EndedJobs]:
    """How the jobs of these assessments ended, by type."""
    rows = await db.fetch(_SQL["job_ends"], track, period.start, period.end)
    return [EndedJobs(**{**dict(row), "job_type": JobType(row["job_type"])}) for row in rows]


async def score_groups(db: Executor, track: str | None, period: Period) -> list[ScoreGroup]:
    """The machine's scores by track and type, each followed by those of its scorers."""
    rows = await db.fetch(_SQL["score_groups"], track, period.start, period.end)
    return [
        ScoreGroup(
            **{
                **dict(row),
                "score_type": ScoreType(row["score_type"]),
                "quantiles": tuple(row["quantiles"]) if row["quantiles"] else None,
                "histogram": tuple(row["histogram"]),
            }
        )
        for row in rows
    ]


async def overridden_scores(db: Executor, track: str | None, period: Period) -> list[OverriddenScore]:
    """The newest override of each question that has a machine's score."""
    rows = await db.fetch(_SQL["overridden_scores"], track, period.start, period.end)
    return [OverriddenScore(**dict(row)) for row in rows]


async def model_calls(db: Executor, track: str | None, period: Period) -> list[ModelCallTotals]:
    """The calls by model and prompt."""
    rows = await db.fetch(_SQL["model_calls"], track, period.start, period.end)
    return [ModelCallTotals(**dict(row)) for row in rows]


async def model_call_days(db: Executor, track: str | None, period: Period) -> list[DailyModelCalls]:
    """The calls by day, in order."""
    rows = await db.fetch(_SQL["model_call_days"], track, period.start, period.end)
    return [DailyModelCalls(**dict(row)) for row in rows]
