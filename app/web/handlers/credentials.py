"""The catalogue of credentials."""

from aiohttp import web

from app.domain.assessment.tracks import CredentialBody
from app.domain.checking import checked
from app.domain.records.assessments import StoredAnswer
from app.domain.states import Role
from app.http.keys import CONTEXT
from app.repositories import credentials as catalogue
from app.repositories.sql import Connection
from app.schemas import CredentialPage, credential_view
from app.services import paging
from app.services.catalog import credentials
from app.services.idempotency import run_idempotently
from app.web.parsing import (
    attempt_of,
    identify,
    path_id,
    query_cursor_id,
    query_limit,
    query_whole,
    read_object,
)
from app.web.replies import answer, json_reply, stored_reply


async def list_credentials(request: web.Request) -> web.StreamResponse:
    """A page of active credentials."""
    (await identify(request)).require(*Role)
    limit, after = query_limit(request), query_cursor_id(request)
    found = await catalogue.page(request.app[CONTEXT].pool, after, limit + 1)
    page, cursor = paging.cut(found, limit, lambda credential: (str(credential.credential_id),))
    items = tuple(credential_view(credential) for credential in page)
    return json_reply(CredentialPage(items=items, next_cursor=cursor))


async def show_credential(request: web.Request) -> web.StreamResponse:
    """A credential, or a named version of it."""
    caller = await identify(request)
    pool, version = request.app[CONTEXT].pool, query_whole(request, "version")
    credential = await credentials.find(pool, path_id(request, "credential_id"), version)
    caller.require(*Role)
    return json_reply(credential_view(credential))


async def create_credential(request: web.Request) -> web.StreamResponse:
    """A new credential."""
    caller = await identify(request)
    caller.require(Role.ADMIN)
    value = await read_object(request)
    body = checked(CredentialBody, value)

    async def work(conn: Connection) -> StoredAnswer:
        credential = await credentials.create(conn, caller.sub, body)
        return answer(credential_view(credential), 201, f"/credentials/{credential.credential_id}")

    return stored_reply(await run_idempotently(request.app[CONTEXT].pool, attempt_of(request, caller, value), work))


async def patch_credential(request: web.Request) -> web.StreamResponse:
    """A new version of a credential."""
    caller = await identify(request)
    pool = request.app[CONTEXT].pool
    credential = await credentials.find(pool, path_id(request, "credential_id"))
    caller.require(Role.ADMIN)
    changes = await read_object(request)
    changed = await credentials.patch(pool, caller.sub, credential.credential_id, changes)
    return json_reply(credential_view(changed))


async def delete_credential(request: web.Request) -> web.StreamResponse:
    """Takes a credential out of the catalogue."""
    caller = await identify(request)
    pool = request.app[CONTEXT].pool
    credential = await credentials.find(pool, path_id(request, "credential_id"))
    caller.require(Role.ADMIN)
    await credentials.delete(pool, caller.sub, credential.credential_id)
    return web.Response(status=204)
