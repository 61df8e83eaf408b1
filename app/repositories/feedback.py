"""What people think of results and recommendations."""

from datetime import datetime
from uuid import UUID

from app.domain.period import Period
from app.domain.records.feedback import FeedbackGroup, FeedbackRecord, NewFeedback
from app.repositories.sql import Connection, Executor, statements

_SQL = statements("feedback")


async def rated(db: Executor, assessment_id: UUID, credential_id: UUID | None) -> tuple[int, int | None]:
    """The run of a completed assessment's newest result, and the credential's rank in it; None where it has none."""
    row = await db.fetchrow(_SQL["rated"], assessment_id, credential_id)
    if row is None:
        raise RuntimeError("a completed assessment without a result")
    return row["run"], row["rank"]


async def put(conn: Connection, run: int, new: NewFeedback) -> datetime:
    """Keeps the ratings of a run's result in the place of those that the person gave before; returns when."""
    told = (new.credential_id, new.author, new.relevance, new.acceptance, new.comment)
    given: datetime = await conn.fetchval(_SQL["put"], new.assessment_id, run, *told)
    return given


async def groups(db: Executor, track: str | None, period: Period) -> list[FeedbackGroup]:
    """The ratings of a period by track: of results, of recommendations, of these by rank and by credential."""
    rows = await db.fetch(_SQL["groups"], track, period.start, period.end)
    counts = ("relevance_counts", "acceptance_counts")
    return [FeedbackGroup(**{**dict(row), **{name: tuple(row[name]) for name in counts}}) for row in rows]


async def lines(db: Executor, track: str | None, period: Period, after: int, limit: int) -> list[FeedbackRecord]:
    """A page of the ratings, by id, of those above `after`."""
    rows = await db.fetch(_SQL["lines"], track, period.start, period.end, after, limit)
    return [FeedbackRecord(**dict(row)) for row in rows]
