"""Addresses of the review pages: the filters, the order and the mode that a reviewer keeps from item to item."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from app.domain.states import ReviewOrder, ReviewReason
from app.http.query import query_choice, query_text
from app.http.sessions import PAGES
from app.services.results.reviews import QueueFilter

REVIEW = f"{PAGES}/review"


@dataclass(frozen=True)
class Reviewing:
    """What a reviewer works through: some items of the queue in an order, and whether the machine's points are hidden
    until the reviewer's own are in (`blind`)."""

    queue: QueueFilter
    blind: bool

    def address(self, path: str = REVIEW, **more: str | None) -> str:
        """The path with these filters, and with more parameters where they are not None."""
        queue = self.queue
        parameters = {
            "track": queue.track,
            "reason": queue.reason,
            "order": None if queue.order is ReviewOrder.OLDEST else queue.order,
            "blind": "1" if self.blind else None,
        } | more
        return with_query(path, parameters)

    def item(self, assessment_id: UUID, question_id: UUID, step: str = "", **more: str | None) -> str:
        """The address of an item, or of a `step` of working on it."""
        return self.address(f"{REVIEW}/{assessment_id}/{question_id}{step}", **more)


def with_query(path: str, parameters: Mapping[str, str | None]) -> str:
    """The path with those of the parameters that have a value."""
    query = urlencode({name: value for name, value in parameters.items() if value})
    return f"{path}?{query}" if query else path


def reviewing(request: web.Request) -> Reviewing:
    """What the reviewer works through, as the address says. A form sends what was not chosen as an empty text.

    Raises:
        RequestProblem: a parameter is not valid.
    """
    chosen = request.query.get
    order = query_choice(request, "order", ReviewOrder) if chosen("order") else None
    reason = query_choice(request, "reason", ReviewReason) if chosen("reason") else None
    queue = QueueFilter(order or ReviewOrder.OLDEST, query_text(request, "track") or None, reason)
    return Reviewing(queue, blind=bool(chosen("blind")))
