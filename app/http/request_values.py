"""Values of a request's path and headers."""

import re
from uuid import UUID

from aiohttp import web

from app.domain.errors import NotFound
from app.domain.text import storable
from app.http.app_keys import REQUEST_ID
from app.services.assessments.submit import Origin

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


def path_text(request: web.Request, name: str) -> str:
    """The text in the path.

    Raises:
        NotFound: it cannot be stored, so nothing has this name.
    """
    text = request.match_info[name]
    if not storable(text):
        raise NotFound("there is no such resource")
    return text


def path_id(request: web.Request, name: str) -> UUID:
    """The UUID in the path, in its usual form with dashes.

    Raises:
        NotFound: it is something else, so nothing has this id.
    """
    text = request.match_info[name]
    try:
        value = UUID(text)
    except ValueError:
        raise NotFound("there is no such resource") from None
    if str(value) != text.lower():
        raise NotFound("there is no such resource")
    return value


def origin_of(request: web.Request) -> Origin:
    """The request's id and the client's W3C trace context (if it sent a valid one), to be stored with jobs."""
    header = request.headers.get("traceparent", "")
    match = _TRACEPARENT.fullmatch(header)
    valid = match and set(match[1]) != {"0"} and set(match[2]) != {"0"}
    return Origin(header if valid else None, request[REQUEST_ID])
