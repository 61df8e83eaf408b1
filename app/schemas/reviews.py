"""The review queue in the API."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from app.domain.principal import display_name, issuer_of
from app.domain.records.reviews import ReviewItem
from app.domain.states import QuestionType
from app.domain.values import Frozen


class ReviewPage(Frozen):
    """A page of the review queue."""

    items: tuple[ReviewItem, ...]
    next_cursor: str | None


def review_page(items: Iterable[ReviewItem], next_cursor: str | None) -> ReviewPage:
    """A page of the review queue, with the issuers of the owners."""
    shown = tuple(item.model_copy(update={"owner_issuer": issuer_of(item.owner)}) for item in items)
    return ReviewPage(items=shown, next_cursor=next_cursor)


class ReviewRow(Frozen):
    """An item of the review queue as a line of a file."""

    assessment_id: UUID
    question_id: UUID
    question_type: QuestionType
    track: str
    owner: str
    owner_issuer: str | None
    reasons: str
    confidence: float | None
    waiting_since: datetime
    reserved_by: str | None
    reserved_until: datetime | None
    suspected_quote: str | None


def review_rows(items: Iterable[ReviewItem]) -> list[ReviewRow]:
    """Lines of a file for these items."""
    return [
        ReviewRow(
            assessment_id=item.assessment_id,
            question_id=item.question_id,
            question_type=item.question_type,
            track=item.track,
            owner=display_name(item.owner),
            owner_issuer=issuer_of(item.owner),
            reasons=", ".join(item.reasons),
            confidence=item.confidence,
            waiting_since=item.waiting_since,
            reserved_by=display_name(item.reserved_by) if item.reserved_by else None,
            reserved_until=item.reserved_until,
            suspected_quote=item.suspected_quote,
        )
        for item in items
    ]
