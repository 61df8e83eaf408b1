"""Handlers for API keys: list, show, make, revoke, rotate. Only the answers to making and rotating show the key."""

from datetime import UTC, datetime, timedelta

from aiohttp import web

from app.domain.api_key import id_in_sub
from app.domain.body_validation import validate_body
from app.domain.errors import FieldError, InvalidFields
from app.domain.records.api_keys import ApiKeyRecord, KeyFeatures
from app.http.app_keys import ACCESS, API_KEYS, CONTEXT
from app.http.query import query_cursor_time, query_limit
from app.http.request_values import path_id
from app.schemas import ApiKeyPage, api_key_view, new_api_key_view
from app.schemas.requests import NewApiKeyBody, RotateBody
from app.services.api_keys import administration
from app.services.api_keys.administration import Issuer, NewApiKey
from app.services.caller import Caller
from app.web.replies import json_reply
from app.web.request_parsing import read_object


async def list_api_keys(request: web.Request) -> web.StreamResponse:
    """A page of the API keys that are not revoked, newest first."""
    limit, after, pool = query_limit(request), query_cursor_time(request), request.app[CONTEXT].pool
    page, cursor = await administration.page(pool, after, limit)
    return json_reply(ApiKeyPage(items=tuple(map(api_key_view, page)), next_cursor=cursor))


async def show_api_key(request: web.Request) -> web.StreamResponse:
    """An API key, without its secret."""
    return json_reply(api_key_view(await find_api_key(request)))


async def create_api_key(request: web.Request) -> web.StreamResponse:
    """Makes an API key; only this answer shows it."""
    body = validate_body(NewApiKeyBody, await read_object(request))
    issuer, lifetime = _issuer(request[ACCESS].caller), timedelta(days=body.expires_in_days)
    if issuer.latest_end is not None and datetime.now(UTC) + lifetime > issuer.latest_end:
        detail = f"no API key makes one that outlives it; yours expires at {issuer.latest_end:%Y-%m-%dT%H:%M:%SZ}"
        raise InvalidFields([FieldError("/expires_in_days", detail)])
    features = KeyFeatures(body.name, tuple(dict.fromkeys(body.roles)), lifetime)
    return _reply(await administration.create(request.app[CONTEXT].pool, issuer, features))


async def rotate_api_key(request: web.Request) -> web.StreamResponse:
    """Makes a key with the name, roles and lifetime of another, which goes on for the overlap; only this answer shows
    it."""
    replaced = await find_api_key(request)
    body = validate_body(RotateBody, await read_object(request))
    issuer, pool = _issuer(request[ACCESS].caller), request.app[CONTEXT].pool
    new = await administration.rotate(pool, issuer, replaced.key_id, body.overlap_seconds)
    await request.app[API_KEYS].publish_change(replaced.key_id)
    return _reply(new)


async def revoke_api_key(request: web.Request) -> web.StreamResponse:
    """Revokes an API key, on all servers within a second."""
    key, actor = await find_api_key(request), request[ACCESS].caller.principal
    await administration.revoke(request.app[CONTEXT].pool, actor, key.key_id)
    await request.app[API_KEYS].publish_change(key.key_id)
    return web.Response(status=204)


async def find_api_key(request: web.Request) -> ApiKeyRecord:
    """The key that the path names, if it is not revoked. Raises `NotFound`."""
    return await administration.find(request.app[CONTEXT].pool, path_id(request, "key_id"))


def _issuer(caller: Caller) -> Issuer:
    """The caller as one who makes keys. Those of a key end with it, or whoever has stolen it could keep it for ever."""
    if id_in_sub(caller.principal) is None:
        return Issuer(caller.principal)
    return Issuer(caller.principal, datetime.fromtimestamp(caller.expires_at, UTC))


def _reply(new: NewApiKey) -> web.Response:
    view = new_api_key_view(new.record, new.key)
    return json_reply(view, 201, {"Location": f"/api-keys/{view.key_id}"})
