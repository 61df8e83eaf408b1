"""Figures of many assessments, and the grade book. They are of a track, or None for all, and a period."""

from collections.abc import Sequence
from datetime import date, datetime

import asyncpg

from app.domain.distribution import Distribution
from app.domain.period import Period
from app.domain.records.analytics import (
    AssessmentCount,
    CompletedTotals,
    Coverage,
    DailyModelCalls,
    ModelCallTotals,
    OverriddenScore,
    Overview,
    QuestionStatistics,
    ScoreCount,
)
from app.domain.records.gradebook import GradebookRow
from app.domain.summaries import summarize_overview
from app.repositories.sql import Connection, Executor, statements

_SQL = statements("analytics")


async def read_coverage(db: Executor, period: Period) -> Coverage:
    """Which days of the period have counts that are kept, and what lies between."""
    row = await db.fetchrow(_SQL["read_coverage"], period.start, period.end)
    if row is None:
        raise RuntimeError("an aggregate without GROUP BY is one row")
    return Coverage(period=period, **row)


async def overview(db: Executor, track: str | None, coverage: Coverage) -> Overview:
    """The assessments that were started in the period."""
    period = coverage.period
    rows = await db.fetch(_SQL["assessment_counts"], track, *_parts(coverage), period.start, period.end)
    return summarize_overview(AssessmentCount(**row) for row in rows)


async def score_counts(db: Executor, track: str | None, coverage: Coverage) -> list[ScoreCount]:
    """The scores of the completed ones of these assessments, by percentage."""
    return [ScoreCount(**row) for row in await db.fetch(_SQL["score_counts"], track, *_parts(coverage))]


async def completed_totals(db: Executor, track: str | None, coverage: Coverage) -> list[CompletedTotals]:
    """How many assessments of each track are completed, and how many of these are degraded."""
    return [CompletedTotals(**row) for row in await db.fetch(_SQL["completed_totals"], track, *_parts(coverage))]


async def overridden_scores(db: Executor, track: str | None, period: Period) -> list[OverriddenScore]:
    """The newest override or confirmation of each question of these assessments that has a machine's score."""
    rows = await db.fetch(_SQL["overridden_scores"], track, period.start, period.end)
    return [OverriddenScore(**row) for row in rows]


async def model_calls(db: Executor, track: str | None, coverage: Coverage) -> list[ModelCallTotals]:
    """The model calls of the period, by model and prompt."""
    return [_call_totals(row) for row in await db.fetch(_SQL["model_calls"], track, *_parts(coverage))]


async def daily_model_calls(db: Executor, track: str | None, coverage: Coverage) -> list[DailyModelCalls]:
    """The model calls of the period, by day, in order."""
    return [DailyModelCalls(**row) for row in await db.fetch(_SQL["daily_model_calls"], track, *_parts(coverage))]


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


def _parts(coverage: Coverage) -> tuple[Sequence[date], Sequence[datetime], Sequence[datetime]]:
    return coverage.days, coverage.starts, coverage.ends


def _call_totals(row: asyncpg.Record) -> ModelCallTotals:
    columns = dict(row)
    median, high = Distribution(columns.pop("times")).quantiles((0.5, 0.95)) or (0.0, 0.0)
    return ModelCallTotals(**columns, latency_p50_ms=round(median, 2), latency_p95_ms=round(high, 2))
