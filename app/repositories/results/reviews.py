"""The review queue, and who holds which of its items."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from app.domain.records.reviews import Reservation, ReviewItem
from app.domain.states import ReviewOrder, ReviewReason
from app.repositories.sql import Executor, affected, statements

_SQL = statements("reviews")
_NIL = UUID(int=0)
_PAGES = {
    ReviewOrder.OLDEST: "oldest",
    ReviewOrder.CONFIDENCE: "least_confident",
    ReviewOrder.SHUFFLED: "shuffled",
}
_PAGES_BEFORE = {
    ReviewOrder.OLDEST: "oldest_before",
    ReviewOrder.CONFIDENCE: "least_confident_before",
    ReviewOrder.SHUFFLED: "shuffled_before",
}


_Place = tuple[datetime | float, UUID, UUID]


@dataclass(frozen=True, slots=True)
class QueuedItem:
    """An item with the number of its place in the shuffled order."""

    item: ReviewItem
    shuffle_key: float


async def page(
    db: Executor,
    order: ReviewOrder,
    track: str | None,
    reason: ReviewReason | None,
    after: _Place | None,
    limit: int,
) -> list[QueuedItem]:
    """A page of the queue, after an item with this sort value and these ids of assessment and question."""
    rows = await db.fetch(_SQL[_PAGES[order]], track, reason, *(after or (None, _NIL, _NIL)), limit)
    return [_queued_item(row) for row in rows]


async def page_before(
    db: Executor, order: ReviewOrder, track: str | None, reason: ReviewReason | None, before: _Place, limit: int
) -> list[QueuedItem]:
    """A page of the items before this place, nearest first."""
    rows = await db.fetch(_SQL[_PAGES_BEFORE[order]], track, reason, *before, limit)
    return [_queued_item(row) for row in rows]


async def find(db: Executor, assessment_id: UUID, question_id: UUID) -> QueuedItem | None:
    """The item of the queue; None if the question needs nobody."""
    row = await db.fetchrow(_SQL["find"], assessment_id, question_id)
    return _queued_item(row) if row else None


async def count(db: Executor, track: str | None, reason: ReviewReason | None) -> int:
    """How many items there are."""
    items: int = await db.fetchval(_SQL["count"], track, reason)
    return items


async def reserve(
    db: Executor, assessment_id: UUID, question_id: UUID, person: str, seconds: float
) -> Reservation | None:
    """The item is the person's for so many seconds; None if another person holds it."""
    until = await db.fetchval(_SQL["reserve"], assessment_id, question_id, person, seconds)
    if until is None:
        return None
    return Reservation(assessment_id=assessment_id, question_id=question_id, reserved_by=person, reserved_until=until)


async def release(
    db: Executor, assessment_id: UUID, question_id: UUID, person: str, until: datetime | None = None
) -> bool:
    """Ends the person's reservation, or with `until` only the one that ends then; False if there was none."""
    return await db.fetchval(_SQL["release"], assessment_id, question_id, person, until) is not None


async def reservation(db: Executor, assessment_id: UUID, question_id: UUID) -> Reservation | None:
    """Who holds the item; None if nobody does."""
    row = await db.fetchrow(_SQL["reservation"], assessment_id, question_id)
    return Reservation(**row) if row else None


async def seconds_reserved(db: Executor, assessment_id: UUID, question_id: UUID, person: str) -> float | None:
    """How long another person than this one still holds the item; None if nobody does."""
    seconds: float | None = await db.fetchval(_SQL["seconds_reserved"], assessment_id, question_id, person)
    return seconds


async def end_reservation(db: Executor, assessment_id: UUID, question_id: UUID) -> None:
    """Ends whoever's reservation of the item, because the work is done."""
    await db.execute(_SQL["end_reservation"], assessment_id, question_id)


async def delete_expired(db: Executor, limit: int) -> int:
    """Deletes up to `limit` reservations whose time is over; returns how many."""
    return affected(await db.execute(_SQL["delete_expired"], limit))


def _queued_item(row: asyncpg.Record) -> QueuedItem:
    fields = dict(row)
    shuffle_key = fields.pop("shuffle_key")
    return QueuedItem(ReviewItem(**fields), shuffle_key)
