"""Reading bodies and idempotency keys. What cannot be understood is refused."""

import re
from typing import Any

from aiohttp import web

from app.domain.errors import FieldError, InvalidFields
from app.domain.idempotency import IdempotencyKey, parse_key
from app.http.app_keys import ACCESS
from app.http.problems import BAD_KEY, MALFORMED, WRONG_MEDIA, RequestProblem
from app.http.server_connections import read_body
from app.services.idempotency import IdempotentRequest
from app.web import strict_json

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


async def read_object(request: web.Request) -> dict[str, Any]:
    """The body as a JSON object; an empty object if there is no body.

    Raises:
        RequestProblem: it is not JSON, or not declared as JSON.
        InvalidFields: it is not an object, or a text in it cannot be stored.
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
        raise RequestProblem(WRONG_MEDIA, "send the body uncompressed", {"Accept-Encoding": "identity"})
    return await read_body(request)


def idempotent_request(request: web.Request, payload: Any) -> IdempotentRequest:
    """The request's idempotency key, if it has one, and its payload.

    Raises:
        RequestProblem: the key has the wrong form.
    """
    headers = request.headers.getall("Idempotency-Key", [])
    if not headers:
        return IdempotentRequest(None, payload)
    key = parse_key(headers[0])
    if len(headers) > 1 or key is None:
        raise RequestProblem(BAD_KEY, "send one key of 1 to 255 visible ASCII characters, quoted or bare")
    return IdempotentRequest(_key_of(request, key), payload)


def unchecked_idempotency_key(request: web.Request) -> IdempotencyKey | None:
    """The idempotency key, or None if it has the wrong form: for a read that comes before the checks of the request."""
    key = parse_key(request.headers.get("Idempotency-Key", ""))
    return _key_of(request, key) if key else None


def _key_of(request: web.Request, key: str) -> IdempotencyKey:
    # Ids are the same in upper and lower case, so a key must be too.
    path = _UUID.sub(lambda match: match[0].lower(), request.path)
    return IdempotencyKey(request[ACCESS].caller.principal, path, key)
