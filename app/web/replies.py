"""Answers."""

from collections.abc import Mapping

from aiohttp import web
from pydantic import BaseModel

from app.domain.records.assessments import StoredAnswer
from app.services.assessments.status import Status

# Clients that poll should neither hammer nor dawdle: most results are there within a second or two.
RETRY_AFTER = "1"


def json_reply(body: BaseModel | str, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer; a text is JSON already."""
    text = body if isinstance(body, str) else body.model_dump_json()
    return web.Response(text=text, status=status, content_type="application/json", headers=headers)


def answer(body: BaseModel, status: int, location: str | None = None) -> StoredAnswer:
    """An answer that can be stored for an idempotency key."""
    return StoredAnswer(status, body.model_dump_json().encode(), location)


def stored_reply(stored: StoredAnswer) -> web.Response:
    """An answer as it was stored, byte for byte."""
    headers = {"Location": stored.location} if stored.location else {}
    if stored.replayed:
        headers["Idempotent-Replayed"] = "true"
    if stored.status == 202:
        headers["Retry-After"] = RETRY_AFTER
    return web.Response(
        body=stored.body, status=stored.status, content_type="application/json", charset="utf-8", headers=headers
    )


def status_reply(request: web.Request, status: Status) -> web.Response:
    """The status, or 304 where the client has it already."""
    headers = status_headers(status)
    if knows(request, status.tag):
        return web.Response(status=304, headers=headers)
    return json_reply(status.body, headers=headers)


def unchanged_reply(tag: str) -> web.Response:
    """304 for a client that has the newest status, which is not final."""
    return web.Response(status=304, headers=_headers(tag, settled=False))


def status_headers(status: Status) -> dict[str, str]:
    """What goes with a status, whatever its code."""
    return _headers(status.tag, status.settled)


def _headers(tag: str, settled: bool) -> dict[str, str]:
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    return headers if settled else headers | {"Retry-After": RETRY_AFTER}


def knows(request: web.Request, tag: str) -> bool:
    """Whether the client has the tag, or takes any."""
    return matches(tags(request.headers.getall("If-None-Match", [])), tag)


def tags(if_none_match: list[str]) -> list[str]:
    """The tags that `If-None-Match` names, for weak comparison (RFC 9110)."""
    named = (tag.strip().removeprefix("W/") for header in if_none_match for tag in header.split(","))
    return [tag for tag in named if tag]


def matches(known: list[str], tag: str) -> bool:
    """Whether the client has the tag, or takes any."""
    return tag in known or "*" in known
