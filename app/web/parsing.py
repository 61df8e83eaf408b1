"""Reading requests: bodies as strict JSON, headers, queries and path parts. Anything odd is refused, never guessed."""

import re
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

from aiohttp import web

from app.domain.errors import FieldError, InvalidFields, NotFound
from app.domain.idempotency import IdempotencyKey, fingerprint, parse_key
from app.http.problems import BAD_KEY, BAD_QUERY, MALFORMED, WRONG_MEDIA, RequestProblem
from app.services.caller import Caller
from app.services.idempotency import IdempotentRequest
from app.services.paging import BadCursor, decode
from app.web import strict_json
from app.web.strict_json import storable

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


async def read_object(request: web.Request) -> dict[str, Any]:
    """The body as a JSON object; no body is an empty one.

    Raises:
        RequestProblem: it is no JSON, or not said to be.
        InvalidFields: it is no object, or a text in it cannot be stored.
    """
    raw = await _read(request)
    if not raw:
        return {}
    if request.content_type != "application/json":
        raise RequestProblem(WRONG_MEDIA, "send Content-Type: application/json")
    try:
        value = strict_json.parse(raw)
    except strict_json.BadJson as error:
        raise RequestProblem(MALFORMED, str(error)) from None
    if not isinstance(value, dict):
        raise InvalidFields([FieldError("", "must be an object")])
    return value


async def _read(request: web.Request) -> bytes:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RequestProblem(WRONG_MEDIA, "send the body as it is, not compressed", {"Accept-Encoding": "identity"})
    try:
        return await request.read()
    except ConnectionError:
        # Nobody hears it, but neither logs nor metrics should blame the storage.
        raise RequestProblem(MALFORMED, "the connection ended before the body") from None


def traceparent(request: web.Request) -> str | None:
    """The caller's W3C trace context, if it is one."""
    given = request.headers.get("traceparent", "")
    match = _TRACEPARENT.fullmatch(given)
    return given if match and set(match[1]) != {"0"} and set(match[2]) != {"0"} else None


def path_text(request: web.Request, name: str) -> str:
    """A text in the path.

    Raises:
        NotFound: nothing can be called that.
    """
    text = request.match_info[name]
    if not storable(text):
        raise NotFound("there is no such thing")
    return text


def path_id(request: web.Request, name: str) -> UUID:
    """The UUID in the path.

    Raises:
        NotFound: it is none, so nothing can have it.
    """
    text = request.match_info[name]
    try:
        found = UUID(text)
    except ValueError:
        raise NotFound("there is no such thing") from None
    if str(found) != text.lower():
        raise NotFound("there is no such thing")
    return found


def attempt_of(request: web.Request, caller: Caller, payload: Any) -> IdempotentRequest:
    """The request's idempotency key and payload.

    Raises:
        RequestProblem: the key's form is wrong.
    """
    headers = request.headers.getall("Idempotency-Key", [])
    if not headers:
        return IdempotentRequest(None, fingerprint(payload))
    key = parse_key(headers[0])
    if len(headers) > 1 or key is None:
        raise RequestProblem(BAD_KEY, "send one key of 1 to 255 visible ASCII characters, quoted or bare")
    return IdempotentRequest(IdempotencyKey(caller.sub, request.path, key), fingerprint(payload))


def probable_key(request: web.Request, caller: Caller) -> IdempotencyKey | None:
    """The key, for a read that must not yet complain about its form."""
    key = parse_key(request.headers.get("Idempotency-Key", ""))
    return IdempotencyKey(caller.sub, request.path, key) if key else None


def query_limit(request: web.Request) -> int:
    """`limit`, 1–100, 50 if not given.

    Raises:
        RequestProblem: it is something else.
    """
    text = request.query.get("limit", "50")
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= 100):
        bad_query("limit must be a whole number from 1 to 100")
    return int(text)


def query_whole(request: web.Request, name: str) -> int | None:
    """A whole number from 1 that fits a column.

    Raises:
        RequestProblem: it is something else.
    """
    text = request.query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text[:10]) < 2**31 and len(text) <= 10):
        bad_query(f"{name} must be a whole number from 1")
    return int(text)


def query_cursor(request: web.Request, count: int) -> list[str] | None:
    """The sort values in `cursor`.

    Raises:
        RequestProblem: it is no cursor.
    """
    cursor = request.query.get("cursor")
    if cursor is None:
        return None
    try:
        values = decode(cursor, count)
    except BadCursor as error:
        bad_query(f"cursor {error}")
    if not all(map(storable, values)):
        bad_query("cursor is no cursor of this list")
    return values


def query_text(request: web.Request, name: str) -> str | None:
    """A query parameter that Postgres can compare.

    Raises:
        RequestProblem: it has a NUL or half a character.
    """
    text = request.query.get(name)
    if text is not None and not storable(text):
        bad_query(f"{name} has characters that no text may have")
    return text


def query_cursor_id(request: web.Request) -> UUID | None:
    """The id in `cursor`, for lists that are sorted by id.

    Raises:
        RequestProblem: it is no cursor.
    """
    values = query_cursor(request, 1)
    try:
        return UUID(values[0]) if values else None
    except ValueError:
        bad_query("cursor is no cursor of this list")


def query_cursor_time(request: web.Request) -> tuple[datetime, UUID] | None:
    """The time and id in `cursor`, for lists that are sorted by both.

    Raises:
        RequestProblem: it is no cursor.
    """
    values = query_cursor(request, 2)
    try:
        # A cursor of our own names its zone; whatever else parses is a time that Postgres can compare.
        return (datetime.fromisoformat(values[0]).astimezone(UTC), UUID(values[1])) if values else None
    except (ValueError, OverflowError):
        bad_query("cursor is no cursor of this list")


def bad_query(detail: str) -> NoReturn:
    """Refuses a query."""
    raise RequestProblem(BAD_QUERY, detail)
