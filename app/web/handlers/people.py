"""Handlers for people: all that is stored of one, and erasing one."""

from aiohttp import web

from app.domain.records.erasures import ErasureRecord
from app.http.app_keys import ACCESS, CONTEXT
from app.http.exports import send_json
from app.http.query import query_text
from app.http.request_values import path_id
from app.schemas import erasure_view
from app.services import erasure
from app.services import export_person as export
from app.web.replies import json_reply
from app.wiring.people import find_principal


async def export_person(request: web.Request) -> web.StreamResponse:
    """All that is stored of a person; 404 if that is nothing."""
    actor = request[ACCESS].caller.principal
    return await send_json(request, export.export_person(request.app[CONTEXT].pool, actor, _person(request)))


async def export_me(request: web.Request) -> web.StreamResponse:
    """All that is stored of the caller, of single questions what their track shows to students."""
    return await send_json(request, export.export_own(request.app[CONTEXT].pool, request[ACCESS].caller.principal))


async def erase_person(request: web.Request) -> web.StreamResponse:
    """Has a person erased; the erasure that runs already, if there is one; 404 if nothing is stored of them."""
    actor, pool = request[ACCESS].caller.principal, request.app[CONTEXT].pool
    requested = erasure_view(await erasure.request_erasure(pool, actor, _person(request)))
    headers = {"Location": f"/erasures/{requested.erasure_id}", "Retry-After": "1"}
    return json_reply(requested, 202, headers)


async def show_erasure(request: web.Request) -> web.StreamResponse:
    """An erasure: whether it is completed, and then the receipt."""
    return json_reply(erasure_view(await find_erasure(request)))


async def find_erasure(request: web.Request) -> ErasureRecord:
    """The erasure that the path names. Raises `NotFound`."""
    return await erasure.find_erasure(request.app[CONTEXT].pool, path_id(request, "erasure_id"))


def _person(request: web.Request) -> str:
    """The principal that the path and the parameter `issuer` name. Raises `NotFound`."""
    settings = request.app[CONTEXT].settings
    return find_principal(settings, request.match_info["sub"], query_text(request, "issuer"))
