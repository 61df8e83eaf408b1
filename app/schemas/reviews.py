"""The review queue in the API."""

from collections.abc import Iterable

from app.domain.principal import issuer_of
from app.domain.records.reviews import ReviewItem
from app.domain.values import Frozen


class ReviewPage(Frozen):
    """A page of the review queue."""

    items: tuple[ReviewItem, ...]
    next_cursor: str | None


def review_page(items: Iterable[ReviewItem], next_cursor: str | None) -> ReviewPage:
    """A page of the review queue, with the issuers of the owners."""
    shown = tuple(item.model_copy(update={"owner_issuer": issuer_of(item.owner)}) for item in items)
    return ReviewPage(items=shown, next_cursor=next_cursor)
