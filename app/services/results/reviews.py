"""The review queue: what needs a person, and who holds which item, so that two people do not do the same work."""

from datetime import datetime
from uuid import UUID

from app.domain.errors import ReservedByOther
from app.domain.records.reviews import Reservation, ReviewItem
from app.domain.result.readiness import check_result
from app.domain.states import AuditAction, AuditEntity, ReviewOrder, ReviewReason
from app.repositories import audit, reviews
from app.repositories.reviews import QueuedItem
from app.repositories.sql import Pool
from app.services import paging
from app.services.assessments import lookup

RESERVATION_SECONDS = 900.0


async def page(
    pool: Pool,
    order: ReviewOrder,
    track: str | None,
    reason: ReviewReason | None,
    after: tuple[datetime | float, UUID, UUID] | None,
    limit: int,
) -> tuple[list[ReviewItem], str | None]:
    """A page of the queue, and the cursor of the next page. Cursors name their order."""
    rows = await reviews.page(pool, order, track, reason, after, limit + 1)
    rows, cursor = paging.first_page(rows, limit, lambda row: _sort_values(order, row))
    return [row.item for row in rows], cursor


async def reserve(pool: Pool, assessment_id: UUID, question_id: UUID, person: str) -> Reservation:
    """The person holds the item from now on, or for longer than before.

    Raises:
        NotSubmitted, NoResultYet, AssessmentFailed: there is no result.
        ReservedByOther: another person holds it.
    """
    async with pool.acquire() as conn, conn.transaction():
        check_result((await lookup.find_assessment(conn, assessment_id)).status)
        reservation = await reviews.reserve(conn, assessment_id, question_id, person, RESERVATION_SECONDS)
        if reservation is None:
            raise ReservedByOther(await reviews.seconds_reserved(conn, assessment_id, question_id, person) or 1)
        key = f"{assessment_id}/{question_id}"
        await audit.record(conn, person, AuditAction.RESERVE, AuditEntity.SCORE, key, reservation)
    return reservation


async def release(pool: Pool, assessment_id: UUID, question_id: UUID, person: str) -> None:
    """The person does not hold the item any more, whether they did before or not.

    Raises:
        ReservedByOther: another person holds it.
    """
    async with pool.acquire() as conn, conn.transaction():
        if await reviews.release(conn, assessment_id, question_id, person):
            key = f"{assessment_id}/{question_id}"
            await audit.record(conn, person, AuditAction.RELEASE, AuditEntity.SCORE, key)
            return
        seconds = await reviews.seconds_reserved(conn, assessment_id, question_id, person)
    if seconds is not None:
        raise ReservedByOther(seconds)


def _sort_values(order: ReviewOrder, row: QueuedItem) -> tuple[str, ...]:
    item = row.item
    value = {
        ReviewOrder.OLDEST: item.waiting_since.isoformat(),
        ReviewOrder.CONFIDENCE: repr(item.confidence or 0.0),
        ReviewOrder.SHUFFLED: repr(row.shuffle_key),
    }[order]
    return order, value, str(item.assessment_id), str(item.question_id)
