"""Feedback on results and recommendations."""

from datetime import datetime
from uuid import UUID

from app.domain.period import Period
from app.domain.records.analytics import Coverage
from app.domain.records.feedback import FeedbackGroup, FeedbackRecord, NewFeedback, OwnRating
from app.repositories.sql import Connection, Executor, statements

_SQL = statements("feedback")


async def read_rank(db: Executor, assessment_id: UUID, credential_id: UUID | None) -> tuple[int, int | None]:
    """The run of a completed assessment's newest result, and the credential's rank in it; None if it is not
    recommended."""
    row = await db.fetchrow(_SQL["read_rank"], assessment_id, credential_id)
    if row is None:
        raise RuntimeError("a completed assessment without a result")
    return row["run"], row["rank"]


async def store(conn: Connection, run: int, new: NewFeedback) -> datetime:
    """Stores ratings of a run's result, in place of earlier ones by the same person; returns the time."""
    ratings = (new.credential_id, new.author, new.relevance, new.acceptance, new.comment)
    given_at: datetime = await conn.fetchval(_SQL["store"], new.assessment_id, run, *ratings)
    return given_at


async def own(db: Executor, assessment_id: UUID, author: str) -> dict[UUID | None, OwnRating]:
    """The person's ratings of an assessment's recommendations by credential, and of its result under None."""
    rows = await db.fetch(_SQL["own"], assessment_id, author)
    return {row["credential_id"]: OwnRating(row["relevance"], row["acceptance"], row["comment"]) for row in rows}


async def groups(db: Executor, track: str | None, coverage: Coverage) -> list[FeedbackGroup]:
    """The ratings of a period by track: of results, and of recommendations in all, by rank and by credential."""
    rows = await db.fetch(_SQL["groups"], track, coverage.days, coverage.starts, coverage.ends)
    return [FeedbackGroup(**row) for row in rows]


async def page(db: Executor, track: str | None, period: Period, after: int, limit: int) -> list[FeedbackRecord]:
    """A page of the single ratings of a period, by id, after the id `after`."""
    rows = await db.fetch(_SQL["page"], track, period.start, period.end, after, limit)
    return [FeedbackRecord(**row) for row in rows]
