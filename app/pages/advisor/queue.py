"""The review queue as a page and as a file, and the way from one item to the next."""

from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from app.domain.principal import display_name
from app.domain.records.reviews import ReviewItem
from app.domain.states import ReviewOrder, ReviewReason
from app.http.app_keys import ACCESS, CONTEXT
from app.http.exports import Format, send_file
from app.http.query import query_limit, query_review_place
from app.pages.advisor.addresses import REVIEW, Reviewing, reviewing
from app.pages.advisor.wording import ORDERS, REASONS
from app.pages.evidence import reveal_hidden
from app.pages.rendering import redirect, render
from app.schemas import ReviewRow, review_rows
from app.services.catalog import tracks
from app.services.results import reviews
from app.services.results.reviews import Place

# More than anybody picks from; another track can be named in the address.
_TRACKS = 100


async def show_queue(request: web.Request) -> web.StreamResponse:
    """What needs a person, page by page."""
    pool, work, person = request.app[CONTEXT].pool, reviewing(request), request[ACCESS].caller.principal
    queue = work.queue
    after, limit = query_review_place(request, queue.order), query_limit(request)
    items, cursor = await reviews.page(pool, queue.order, queue.track, queue.reason, after, limit)
    known, _ = await tracks.page(pool, None, _TRACKS)
    names = {track.body.slug: track.body.name for track in known}
    values = {
        "work": work,
        "rows": [_row(item, names.get(item.track, item.track), work, person) for item in items],
        "left": await reviews.count(pool, queue),
        "later": after is not None,
        "next_page": work.address(cursor=cursor) if cursor else None,
        "start": work.address(f"{REVIEW}/next"),
        "export": work.address(f"{REVIEW}/queue.csv"),
        "tracks": list(names.items()),
        "reasons": [(str(reason), REASONS[reason]) for reason in ReviewReason],
        "orders": [(str(order), ORDERS[order]) for order in ReviewOrder],
    }
    return render(request, "advisor/queue.html", values)


async def export_queue(request: web.Request) -> web.StreamResponse:
    """All items of the filtered queue as CSV, in blind mode without confidences, as on the page."""
    work = reviewing(request)
    items = reviews.every_page(request.app[CONTEXT].pool, work.queue)
    return await send_file(request, Format.CSV, _rows(items, blind=work.blind), ReviewRow, "review-queue")


async def open_next(request: web.Request) -> web.StreamResponse:
    """Leads to the first item after the place `at` that the reviewer may have."""
    return redirect(await nearest(request, reviewing(request), _place(request)))


async def open_previous(request: web.Request) -> web.StreamResponse:
    """Leads to the last item before the place `at` that the reviewer may have."""
    return redirect(await nearest(request, reviewing(request), _place(request), backwards=True))


async def nearest(
    request: web.Request,
    work: Reviewing,
    place: Place | None,
    *,
    backwards: bool = False,
    done: str | None = None,
) -> str:
    """The address of the nearest item after or before the place, or of the queue where there is none."""
    pool, person = request.app[CONTEXT].pool, request[ACCESS].caller.principal
    item = await reviews.next_item(pool, work.queue, person, place, backwards=backwards)
    if item is None:
        return work.address(done="queue-begin" if backwards else "queue-end")
    return work.item(item.assessment_id, item.question_id, done=done)


def _place(request: web.Request) -> Place | None:
    return query_review_place(request, reviewing(request).queue.order, "at")


def _row(item: ReviewItem, track_name: str, work: Reviewing, person: str) -> dict[str, object]:
    confidence = "–" if item.confidence is None else f"{item.confidence:.2f}"
    return {
        "track": track_name,
        "question_type": item.question_type,
        "reasons": [REASONS[reason] for reason in item.reasons],
        "suspected_quote": reveal_hidden(item.suspected_quote) if item.suspected_quote else None,
        "confidence": "hidden" if work.blind else confidence,
        "waiting_since": item.waiting_since,
        "is_own": item.owner == person,
        "held_by": display_name(item.reserved_by) if item.reserved_by else None,
        "held_by_me": item.reserved_by == person,
        "until": item.reserved_until,
        "address": work.item(item.assessment_id, item.question_id),
    }


async def _rows(pages: AsyncIterator[Sequence[ReviewItem]], *, blind: bool) -> AsyncIterator[Sequence[ReviewRow]]:
    async for items in pages:
        rows = review_rows(items)
        yield [row.model_copy(update={"confidence": None}) for row in rows] if blind else rows
