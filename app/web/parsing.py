"""Reading requests: bodies as strict JSON, headers, queries and path parts. Anything odd is refused, never guessed."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from aiohttp import web

from app.domain.errors import FieldError, InvalidFields, NotFound
from app.domain.idempotency import IdempotencyKey, fingerprint, parse_key
from app.services.caller import Caller
from app.services.once import Attempt
from app.services.paging import BadCursor, decode
from app.web.auth import BadToken
from app.web.keys import VERIFIER
from app.web.problems import BAD_KEY, BAD_QUERY, MALFORMED, UNAUTHENTICATED, WRONG_MEDIA, RequestProblem

# Deeper than any body of the contract, and shallow enough for every recursive reader.
_DEPTH = 20
_BIG = 2**63
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")

Parsed = TypeVar("Parsed")


async def identify(request: web.Request) -> Caller:
    """The caller.

    Raises:
        RequestProblem: there is no token, or a bad one.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise RequestProblem(UNAUTHENTICATED, "send a bearer token", {"WWW-Authenticate": 'Bearer realm="assay"'})
    try:
        return await request.app[VERIFIER].verify(token.strip())
    except BadToken as error:
        challenge = {"WWW-Authenticate": 'Bearer realm="assay", error="invalid_token"'}
        raise RequestProblem(UNAUTHENTICATED, str(error), challenge) from error


async def read_json(request: web.Request) -> Any:
    """The body as a JSON value; None where there is none.

    Raises:
        RequestProblem: it is no JSON, or not said to be.
        InvalidFields: a text in it cannot be stored.
    """
    raw = await request.read()
    if not raw.strip():
        return None
    if request.content_type != "application/json":
        raise RequestProblem(WRONG_MEDIA, "send Content-Type: application/json")
    value = _parse(raw)
    _check_texts(value)
    return value


async def read_object(request: web.Request) -> dict[str, Any]:
    """The body as a JSON object; no body is an empty one.

    Raises:
        RequestProblem, InvalidFields.
    """
    value = await read_json(request)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidFields([FieldError("", "must be an object")])
    return value


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


def attempt_of(request: web.Request, caller: Caller, payload: Any) -> Attempt:
    """The request's idempotency key and payload.

    Raises:
        RequestProblem: the key's form is wrong.
    """
    headers = request.headers.getall("Idempotency-Key", [])
    if not headers:
        return Attempt(None, fingerprint(payload))
    key = parse_key(headers[0])
    if len(headers) > 1 or key is None:
        raise RequestProblem(BAD_KEY, "send one key of 1 to 255 visible ASCII characters, quoted or bare")
    return Attempt(IdempotencyKey(caller.sub, request.path, key), fingerprint(payload))


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


def query_cursor(request: web.Request, count: int) -> list[str] | None:
    """The sort values in `cursor`.

    Raises:
        RequestProblem: it is no cursor.
    """
    cursor = request.query.get("cursor")
    if cursor is None:
        return None
    try:
        return decode(cursor, count)
    except BadCursor as error:
        bad_query(f"cursor {error}")


def query_text(request: web.Request, name: str) -> str | None:
    """A query parameter that Postgres can compare.

    Raises:
        RequestProblem: it has a NUL or half a character.
    """
    text = request.query.get(name)
    if text is not None and not _storable(text):
        bad_query(f"{name} has characters that no text may have")
    return text


def query_uuid(request: web.Request) -> UUID | None:
    """The id in `cursor`, for lists that are sorted by id.

    Raises:
        RequestProblem: it is no cursor.
    """
    values = query_cursor(request, 1)
    try:
        return UUID(values[0]) if values else None
    except ValueError:
        bad_query("cursor is no cursor of this list")


def bad_query(detail: str) -> NoReturn:
    """Refuses a query."""
    raise RequestProblem(BAD_QUERY, detail)


def _parse(raw: bytes) -> Any:
    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_distinct,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_bounded,
        )
    except (ValueError, RecursionError) as error:
        # The parser's own words name places in the body, never its content.
        detail = str(error) if isinstance(error, json.JSONDecodeError | _Odd) else "the body is not UTF-8 JSON"
        raise RequestProblem(MALFORMED, detail) from None


class _Odd(ValueError):
    """JSON by its grammar, but nothing that means one thing to every reader."""


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Odd("an object has the same key twice")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise _Odd(f"{name} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Odd("a number is too large")
    return value


def _bounded(text: str) -> int:
    if len(text) > 20 or not -_BIG <= int(text) < _BIG:
        raise _Odd("a number is too large")
    return int(text)


def _check_texts(value: Any) -> None:
    faults = list(_text_faults(value))
    if faults:
        raise InvalidFields(faults)


def _text_faults(root: Any) -> Iterator[FieldError]:
    """Texts and keys with NUL or lone surrogates, and nesting beyond the limit; without recursion."""
    stack: list[tuple[str, Any, int]] = [("", root, 0)]
    while stack:
        pointer, value, depth = stack.pop()
        if depth > _DEPTH:
            yield FieldError("", f"is nested deeper than {_DEPTH} levels")
            return
        if isinstance(value, str) and not _storable(value):
            yield FieldError(pointer, "has a NUL or half a character (lone surrogate)")
        elif isinstance(value, list):
            stack += [(f"{pointer}/{i}", inner, depth + 1) for i, inner in enumerate(value)]
        elif isinstance(value, dict):
            if not all(_storable(key) for key in value):
                yield FieldError(pointer, "has a key with a NUL or half a character (lone surrogate)")
            stack += [(f"{pointer}/{_token(key)}", inner, depth + 1) for key, inner in value.items() if _storable(key)]


def _token(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def traceparent(request: web.Request) -> str | None:
    """The caller's W3C trace context, if it is one."""
    given = request.headers.get("traceparent", "")
    match = _TRACEPARENT.fullmatch(given)
    return given if match and set(match[1]) != {"0"} and set(match[2]) != {"0"} else None
