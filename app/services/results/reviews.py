"""The review queue: what needs a person, and who holds which item, so that two people do not do the same work."""

import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from app.domain.errors import ReservedByOther
from app.domain.records.reviews import Reservation, ReviewItem
from app.domain.result.readiness import check_result
from app.domain.states import AuditAction, AuditEntity, ReviewOrder, ReviewReason
from app.repositories import audit
from app.repositories.results import reviews
from app.repositories.results.reviews import QueuedItem
from app.repositories.sql import Pool
from app.services import paging
from app.services.assessments import lookup
from app.services.paging import InvalidCursor

RESERVATION_SECONDS = 900.0
# An item's sort value and its ids.
Place = tuple[datetime | float, UUID, UUID]
_PAGE = 50


@dataclass(frozen=True)
class QueueFilter:
    """Which items of the queue, in which order."""

    order: ReviewOrder = ReviewOrder.OLDEST
    track: str | None = None
    reason: ReviewReason | None = None


async def page(
    pool: Pool,
    order: ReviewOrder,
    track: str | None,
    reason: ReviewReason | None,
    after: Place | None,
    limit: int,
) -> tuple[list[ReviewItem], str | None]:
    """A page of the queue, and the cursor of the next page. Cursors name their order."""
    rows = await reviews.page(pool, order, track, reason, after, limit + 1)
    rows, cursor = paging.first_page(rows, limit, lambda row: _sort_values(order, row))
    return [row.item for row in rows], cursor


async def every_page(pool: Pool, queue: QueueFilter) -> AsyncIterator[Sequence[ReviewItem]]:
    """All items, page by page."""
    after: Place | None = None
    while True:
        rows = await reviews.page(pool, queue.order, queue.track, queue.reason, after, _PAGE)
        if rows:
            yield [row.item for row in rows]
        if len(rows) < _PAGE:
            return
        after = place(queue.order, _sort_values(queue.order, rows[-1]))


async def count(pool: Pool, queue: QueueFilter) -> int:
    """How many items there are."""
    return await reviews.count(pool, queue.track, queue.reason)


async def find(pool: Pool, order: ReviewOrder, assessment_id: UUID, question_id: UUID) -> tuple[ReviewItem, str] | None:
    """The item and the cursor of its place; None if the question needs nobody."""
    row = await reviews.find(pool, assessment_id, question_id)
    return (row.item, paging.encode_cursor(_sort_values(order, row))) if row else None


async def next_item(
    pool: Pool, queue: QueueFilter, person: str, after: Place | None, *, backwards: bool = False
) -> ReviewItem | None:
    """The nearest item after this place, or before it, that the person may review: nobody else holds it, and it is not
    their own. None if there is none."""
    criteria = (queue.order, queue.track, queue.reason)
    while True:
        if not backwards:
            rows = await reviews.page(pool, *criteria, after, _PAGE)
        elif after:
            rows = await reviews.page_before(pool, *criteria, after, _PAGE)
        else:
            return None
        for row in rows:
            if row.item.owner != person and row.item.reserved_by in (None, person):
                return row.item
        if len(rows) < _PAGE:
            return None
        after = place(queue.order, _sort_values(queue.order, rows[-1]))


async def holder(pool: Pool, assessment_id: UUID, question_id: UUID) -> Reservation | None:
    """Who holds the item; None if nobody does."""
    return await reviews.reservation(pool, assessment_id, question_id)


async def reserve(pool: Pool, assessment_id: UUID, question_id: UUID, person: str) -> Reservation:
    """The person holds the item from now on, or for longer than before.

    Raises:
        NotFound: there is no such assessment.
        NotSubmitted, NoResultYet, AssessmentFailed: there is no result.
        ReservedByOther: another person holds it.
    """
    async with pool.acquire() as conn, conn.transaction():
        # Locked, so that the reservation belongs to something.
        _, status = await lookup.lock_assessment(conn, assessment_id)
        check_result(status)
        reservation = await reviews.reserve(conn, assessment_id, question_id, person, RESERVATION_SECONDS)
        if reservation is None:
            raise ReservedByOther(await reviews.seconds_reserved(conn, assessment_id, question_id, person) or 1)
        key = f"{assessment_id}/{question_id}"
        await audit.record(conn, person, AuditAction.RESERVE, AuditEntity.SCORE, key, reservation)
    return reservation


async def release(
    pool: Pool, assessment_id: UUID, question_id: UUID, person: str, until: datetime | None = None
) -> None:
    """The person does not hold the item any more, whether they did before or not. With `until` only a reservation that
    ends then is given up: who has left a page may hold the item again already.

    Raises:
        ReservedByOther: another person holds it.
    """
    async with pool.acquire() as conn, conn.transaction():
        if await reviews.release(conn, assessment_id, question_id, person, until):
            key = f"{assessment_id}/{question_id}"
            await audit.record(conn, person, AuditAction.RELEASE, AuditEntity.SCORE, key)
            return
        seconds = await reviews.seconds_reserved(conn, assessment_id, question_id, person)
    if seconds is not None:
        raise ReservedByOther(seconds)


def place(order: ReviewOrder, values: Sequence[str]) -> Place:
    """The place that a cursor's values name.

    Raises:
        InvalidCursor: they are not those of a cursor of this order.
    """
    try:
        if values[0] != order:
            raise ValueError("a cursor of another order")
        return _sort_value(order, values[1]), UUID(values[2]), UUID(values[3])
    except (ValueError, OverflowError) as error:
        raise InvalidCursor from error


def _sort_value(order: ReviewOrder, text: str) -> datetime | float:
    if order is ReviewOrder.OLDEST:
        return datetime.fromisoformat(text).astimezone(UTC)
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def _sort_values(order: ReviewOrder, row: QueuedItem) -> tuple[str, ...]:
    item = row.item
    value = {
        ReviewOrder.OLDEST: item.waiting_since.isoformat(),
        ReviewOrder.CONFIDENCE: repr(item.confidence or 0.0),
        ReviewOrder.SHUFFLED: repr(row.shuffle_key),
    }[order]
    return order, value, str(item.assessment_id), str(item.question_id)
