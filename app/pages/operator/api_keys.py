"""API keys: a list, making one, rotating and revoking. A key is shown once, on the page that answers the form."""

from collections.abc import Mapping
from datetime import timedelta

from aiohttp import web

from app.domain.body_validation import validate_body
from app.domain.errors import InvalidFields
from app.domain.records.api_keys import ApiKeyRecord, KeyFeatures
from app.domain.states import Role
from app.http.app_keys import ACCESS, API_KEYS, CONTEXT
from app.http.query import query_cursor_time
from app.http.request_values import path_id
from app.http.sessions import PAGES
from app.pages.forms import Form, field_errors, read_form
from app.pages.operator.filters import ROWS, next_page, number_or_text
from app.pages.rendering import redirect, render
from app.schemas.requests import MAX_KEY_DAYS, NewApiKeyBody, RotateBody
from app.services.api_keys import administration
from app.services.api_keys.administration import Issuer, NewApiKey

KEYS = f"{PAGES}/api-keys"
_DAYS = "90"
# For how long a rotated key goes on, by seconds.
_OVERLAPS = {"0": "at once", "3600": "in an hour", "86400": "in a day", "604800": "in a week"}


async def show_keys(request: web.Request) -> web.StreamResponse:
    """The keys that are not revoked, newest first, and a form to make one."""
    return await _page(request, {"name": "", "roles": [], "days": _DAYS}, {})


async def create_key(request: web.Request) -> web.StreamResponse:
    """Makes a key and shows it."""
    form = await read_form(request)
    try:
        body = validate_body(NewApiKeyBody, _body(form))
    except InvalidFields as error:
        return await _page(request, _typed(form), field_errors(error))
    features = KeyFeatures(body.name, tuple(dict.fromkeys(body.roles)), timedelta(days=body.expires_in_days))
    new = await administration.create(request.app[CONTEXT].pool, _issuer(request), features)
    return _new_key(request, new, None)


async def show_key(request: web.Request) -> web.StreamResponse:
    """One key, and forms to rotate and revoke it."""
    return render(request, "operator/api_key.html", {"key": await find_key(request), "overlaps": _OVERLAPS})


async def rotate_key(request: web.Request) -> web.StreamResponse:
    """Makes a key like another one, which goes on for a while, and shows it."""
    replaced, form = await find_key(request), await read_form(request)
    body = validate_body(RotateBody, {"overlap_seconds": number_or_text(form.get("overlap_seconds", ""))})
    pool = request.app[CONTEXT].pool
    new = await administration.rotate(pool, _issuer(request), replaced.key_id, body.overlap_seconds)
    await request.app[API_KEYS].publish_change(replaced.key_id)
    return _new_key(request, new, replaced)


async def revoke_key(request: web.Request) -> web.StreamResponse:
    """Revokes a key."""
    key, actor = await find_key(request), request[ACCESS].caller.principal
    await administration.revoke(request.app[CONTEXT].pool, actor, key.key_id)
    await request.app[API_KEYS].publish_change(key.key_id)
    return redirect(f"{KEYS}?done=key-revoked")


async def find_key(request: web.Request) -> ApiKeyRecord:
    """The key that the path names, if it is not revoked. Raises `NotFound`."""
    return await administration.find(request.app[CONTEXT].pool, path_id(request, "key_id"))


async def _page(request: web.Request, typed: Mapping[str, object], errors: Mapping[str, str]) -> web.Response:
    keys, cursor = await administration.page(request.app[CONTEXT].pool, query_cursor_time(request), ROWS)
    values = {
        "keys": keys,
        "next_page": next_page(request, cursor),
        "typed": typed,
        "errors": errors,
        "most_days": MAX_KEY_DAYS,
        "all_roles": [str(role) for role in Role],
    }
    return render(request, "operator/api_keys.html", values, status=422 if errors else 200)


def _new_key(request: web.Request, new: NewApiKey, replaced: ApiKeyRecord | None) -> web.Response:
    return render(request, "operator/new_api_key.html", {"key": new.record, "secret": new.key, "replaced": replaced})


def _issuer(request: web.Request) -> Issuer:
    # Nobody signs in with a key, so that the keys made here need not end with one.
    return Issuer(request[ACCESS].caller.principal)


def _typed(form: Form) -> dict[str, object]:
    return {"name": form.get("name", ""), "roles": form.getall("roles", []), "days": form.get("days", "")}


def _body(form: Form) -> dict[str, object]:
    days = number_or_text(form.get("days", ""))
    return {"name": form.get("name", "").strip(), "roles": form.getall("roles", []), "expires_in_days": days}
