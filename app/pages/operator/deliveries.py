"""Messages to webhooks: those of all assessments with filters, each try of one, and sending it again."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from aiohttp import web

from app.domain.records.webhooks import DeliveryRecord
from app.domain.states import DeliveryStatus, EventType
from app.http.app_keys import ACCESS, CONTEXT
from app.http.notifications import notify_workers
from app.http.query import query_cursor_integer, query_cursor_time
from app.http.request_values import path_id
from app.http.sessions import PAGES
from app.pages.operator.filters import ROWS, chosen, next_page
from app.pages.rendering import redirect, render
from app.services.webhooks import registrations

DELIVERIES = f"{PAGES}/webhooks/deliveries"
EVENT_NAMES: Mapping[EventType, str] = {
    EventType.COMPLETED: "a first result is there",
    EventType.FAILED: "there will be no result",
    EventType.RESCORED: "a result replaces another",
    EventType.APPEALED: "a student appeals",
    EventType.APPEAL_ANSWERED: "an appeal is answered",
}
_STATUS_NAMES: Mapping[DeliveryStatus, str] = {
    DeliveryStatus.FAILED: "given up",
    DeliveryStatus.PENDING: "waiting",
    DeliveryStatus.DELIVERED: "delivered",
    DeliveryStatus.CANCELLED: "cancelled",
}


async def show_deliveries(request: web.Request) -> web.StreamResponse:
    """A page of the messages to all webhooks, newest first."""
    status, after, pool = (
        chosen(request, "status", DeliveryStatus),
        query_cursor_time(request),
        request.app[CONTEXT].pool,
    )
    page, cursor = await registrations.list_deliveries_of_all(pool, status, after, ROWS)
    values = delivery_values(page, next_page(request, cursor)) | {"status": status}
    return render(request, "operator/deliveries.html", values)


async def show_delivery(request: web.Request) -> web.StreamResponse:
    """One message with each try, the newest first."""
    delivery, before = await find_delivery(request), query_cursor_integer(request)
    attempts, cursor = await registrations.list_attempts(request.app[CONTEXT].pool, delivery.delivery_id, before, ROWS)
    values: dict[str, object] = {
        "delivery": delivery,
        "host": host_of(delivery),
        "attempts": attempts,
        "next_page": next_page(request, cursor),
    } | _NAMES
    return render(request, "operator/delivery.html", values)


async def redeliver(request: web.Request) -> web.StreamResponse:
    """Sends a message once more, now."""
    delivery, actor = await find_delivery(request), request[ACCESS].caller.principal
    async with request.app[CONTEXT].pool.acquire() as conn, conn.transaction():
        _, notification = await registrations.redeliver(conn, delivery, actor)
    notify_workers(request.app, [notification])
    return redirect(f"{DELIVERIES}/{delivery.delivery_id}?done=redelivered")


async def find_delivery(request: web.Request) -> DeliveryRecord:
    """The message that the path names. Raises `NotFound`."""
    return await registrations.find_delivery(request.app[CONTEXT].pool, path_id(request, "delivery_id"))


def delivery_values(page: Sequence[DeliveryRecord], following: str | None) -> dict[str, object]:
    """What the table of messages shows. The rest of an address may have secrets, so that only its host is shown."""
    lines = [{"delivery": delivery, "host": host_of(delivery)} for delivery in page]
    return {"deliveries": lines, "next_page": following} | _NAMES


def host_of(delivery: DeliveryRecord) -> str | None:
    """The host that the message goes to; None if the webhook was removed."""
    return urlsplit(delivery.url).hostname if delivery.url else None


_NAMES = {"status_names": _STATUS_NAMES, "event_names": EVENT_NAMES}
