"""Counts of whole days, kept for the analytics. The statements belong to one transaction."""

from datetime import UTC, date, datetime, time, timedelta

from app.repositories.sql import Connection, statements

_SQL = statements("day_counts")


async def try_lock(conn: Connection) -> bool:
    """Whether nobody else counts days; held until the transaction ends."""
    locked: bool = await conn.fetchval(_SQL["try_lock"])
    return locked


async def next_day(conn: Connection, grace_seconds: float) -> date | None:
    """The newest day that ended so long ago and was not counted yet, or has changed since."""
    day: date | None = await conn.fetchval(_SQL["next_day"], grace_seconds)
    return day


async def take_changes(conn: Connection, day: date) -> None:
    """Forgets that the day has changed."""
    await conn.execute(_SQL["take_changes"], day)


async def forget_counts(conn: Connection, day: date) -> None:
    """Deletes what was counted before."""
    await conn.execute(_SQL["forget_counts"], day)


async def count_assessments(conn: Connection, day: date) -> None:
    """Counts the assessments that were started on the day."""
    await conn.execute(_SQL["count_assessments"], day, *_bounds(day))


async def count_scores(conn: Connection, day: date) -> None:
    """Counts the scores of these assessments."""
    await conn.execute(_SQL["count_scores"], day, *_bounds(day))


async def count_model_calls(conn: Connection, day: date) -> None:
    """Counts the model calls of the day."""
    await conn.execute(_SQL["count_model_calls"], day, *_bounds(day))


async def count_feedback(conn: Connection, day: date) -> None:
    """Counts the ratings of the day."""
    await conn.execute(_SQL["count_feedback"], day, *_bounds(day))


async def record(conn: Connection, day: date) -> None:
    """Says that the counts of the day are complete."""
    await conn.execute(_SQL["record"], day)


def _bounds(day: date) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time(), UTC)
    return start, start + timedelta(days=1)
