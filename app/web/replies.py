"""Building answers: JSON, stored answers, statuses."""

from collections.abc import Mapping

from aiohttp import web
from pydantic import BaseModel

from app.domain.idempotency import StoredReply
from app.http.app_keys import ACCESS
from app.services.assessments.status import Status
from app.web.entity_tags import client_has

# Seconds between polls: most results are there within a second or two.
_RETRY_AFTER = "1"


def json_reply(body: BaseModel | str, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer. A string is sent as it is: it is JSON already."""
    text = body if isinstance(body, str) else body.model_dump_json()
    return web.Response(text=text, status=status, content_type="application/json", headers=headers)


def storable_answer(body: BaseModel, status: int, location: str | None = None) -> StoredReply:
    """An answer that can be stored with an idempotency key."""
    return StoredReply(status, body.model_dump_json().encode(), location)


def stored_reply(stored: StoredReply) -> web.Response:
    """A stored answer, byte for byte."""
    headers = {"Location": stored.location} if stored.location else {}
    if stored.replayed:
        headers["Idempotent-Replayed"] = "true"
    if stored.status == 202:
        headers["Retry-After"] = _RETRY_AFTER
    return web.Response(
        body=stored.body, status=stored.status, content_type="application/json", charset="utf-8", headers=headers
    )


def status_reply(request: web.Request, status: Status) -> web.Response:
    """The status as the caller may see it, or 304 if the client has it already."""
    headers = status_headers(status)
    if client_has(request, status.tag):
        return web.Response(status=304, headers=headers)
    return json_reply(status.rendered(request[ACCESS]).body, headers=headers)


def unchanged_reply(tag: str) -> web.Response:
    """304 for a client that has the newest status, when that is not final."""
    return web.Response(status=304, headers=_status_headers(tag, is_final_and_idle=False))


def status_headers(status: Status) -> dict[str, str]:
    """The headers of every answer about this status."""
    return _status_headers(status.tag, status.is_final_and_idle)


def _status_headers(tag: str, is_final_and_idle: bool) -> dict[str, str]:
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    return headers if is_final_and_idle else headers | {"Retry-After": _RETRY_AFTER}
