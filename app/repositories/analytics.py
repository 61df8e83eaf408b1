"""Figures of many assessments, and the grade book. They are of a track, or None for all, and a period."""

from datetime import datetime

from app.domain.period import Period
from app.domain.records.analytics import (
    DailyModelCalls,
    EndedJobs,
    ModelCallTotals,
    OverriddenScore,
    Overview,
    QuestionStatistics,
    ScoreGroup,
)
from app.domain.records.gradebook import GradebookRow
from app.repositories.sql import Connection, Executor, statements

_SQL = statements("analytics")


async def overview(db: Executor, track: str | None, period: Period) -> Overview:
    """The assessments that were started in the period, in one row."""
    row = await db.fetchrow(_SQL["overview"], track, period.start, period.end)
    if row is None:
        raise RuntimeError("an aggregate without GROUP BY is one row")
    return Overview(**row)


async def ended_jobs(db: Executor, track: str | None, period: Period) -> list[EndedJobs]:
    """The ended jobs of these assessments, by type."""
    return [EndedJobs(**row) for row in await db.fetch(_SQL["ended_jobs"], track, period.start, period.end)]


async def score_groups(db: Executor, track: str | None, period: Period) -> list[ScoreGroup]:
    """The scores of these assessments by track and type, each group followed by those of its scorers."""
    return [ScoreGroup(**row) for row in await db.fetch(_SQL["score_groups"], track, period.start, period.end)]


async def overridden_scores(db: Executor, track: str | None, period: Period) -> list[OverriddenScore]:
    """The newest override or confirmation of each question of these assessments that has a machine's score."""
    rows = await db.fetch(_SQL["overridden_scores"], track, period.start, period.end)
    return [OverriddenScore(**row) for row in rows]


async def model_calls(db: Executor, track: str | None, period: Period) -> list[ModelCallTotals]:
    """The model calls of the period, by model and prompt."""
    return [ModelCallTotals(**row) for row in await db.fetch(_SQL["model_calls"], track, period.start, period.end)]


async def daily_model_calls(db: Executor, track: str | None, period: Period) -> list[DailyModelCalls]:
    """The model calls of the period, by day, in order."""
    rows = await db.fetch(_SQL["daily_model_calls"], track, period.start, period.end)
    return [DailyModelCalls(**row) for row in rows]


async def open_gradebook(conn: Connection, track: str | None, start: datetime | None, end: datetime | None) -> None:
    """Opens the grade book of the assessments that were started from `start` up to `end`, which is excluded; None is no
    limit. It can be read until the transaction of the connection ends."""
    await conn.execute(_SQL["open_gradebook"], track, start, end)


async def next_gradebook_rows(conn: Connection) -> list[GradebookRow]:
    """The next rows of the open grade book, the oldest assessments first; none at its end."""
    return [GradebookRow(**row) for row in await conn.fetch(_SQL["next_gradebook_rows"])]


async def question_statistics(
    db: Executor, track: str, assessments: int, least: int, period: Period | None = None
) -> list[QuestionStatistics]:
    """How the questions of a track did in its newest completed assessments, or the newest of a period; nothing from
    fewer than `least` answers."""
    between = (period.start, period.end) if period else (None, None)
    rows = await db.fetch(_SQL["question_statistics"], track, assessments, least, *between)
    return [QuestionStatistics(**row) for row in rows]
