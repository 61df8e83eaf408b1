"""The catalogue of credentials."""

from aiohttp import web

from app.domain.body_validation import validate_body
from app.domain.recommendation.credentials import CredentialBody
from app.domain.records.assessments import Credential, StoredAnswer
from app.http.app_keys import ACCESS, CONTEXT
from app.repositories.sql import Connection
from app.schemas import CredentialPage, credential_view
from app.services.catalog import credentials
from app.services.idempotency import run_idempotently
from app.web.parsing import (
    attempt_of,
    path_id,
    query_cursor_id,
    query_limit,
    query_whole,
    read_object,
)
from app.web.replies import answer, json_reply, stored_reply


async def list_credentials(request: web.Request) -> web.StreamResponse:
    """A page of active credentials."""
    limit, after = query_limit(request), query_cursor_id(request)
    page, cursor = await credentials.page(request.app[CONTEXT].pool, after, limit)
    items = tuple(credential_view(credential) for credential in page)
    return json_reply(CredentialPage(items=items, next_cursor=cursor))


async def show_credential(request: web.Request) -> web.StreamResponse:
    """A credential, or a named version of it."""
    return json_reply(credential_view(await find_credential(request)))


async def create_credential(request: web.Request) -> web.StreamResponse:
    """A new credential."""
    caller = request[ACCESS].caller
    value = await read_object(request)
    body = validate_body(CredentialBody, value)

    async def work(conn: Connection) -> StoredAnswer:
        credential = await credentials.create(conn, caller.sub, body)
        return answer(credential_view(credential), 201, f"/credentials/{credential.credential_id}")

    return stored_reply(await run_idempotently(request.app[CONTEXT].pool, attempt_of(request, caller, value), work))


async def patch_credential(request: web.Request) -> web.StreamResponse:
    """A new version of a credential."""
    caller, pool = request[ACCESS].caller, request.app[CONTEXT].pool
    credential = await find_credential(request)
    changes = await read_object(request)
    changed = await credentials.patch(pool, caller.sub, credential.credential_id, changes)
    return json_reply(credential_view(changed))


async def delete_credential(request: web.Request) -> web.StreamResponse:
    """Takes a credential out of the catalogue."""
    caller, pool = request[ACCESS].caller, request.app[CONTEXT].pool
    credential = await find_credential(request)
    await credentials.delete(pool, caller.sub, credential.credential_id)
    return web.Response(status=204)


async def find_credential(request: web.Request) -> Credential:
    """The active credential that the path names, or for a GET the version that the query names. Raises `NotFound`."""
    version = query_whole(request, "version") if request.method in ("GET", "HEAD") else None
    return await credentials.find(request.app[CONTEXT].pool, path_id(request, "credential_id"), version)
