"""Handlers for credentials: list, show, create, change, delete."""

from aiohttp import web

from app.domain.body_validation import validate_body
from app.domain.idempotency import StoredReply
from app.domain.recommendation.credentials import CredentialBody
from app.domain.records.catalog import Credential
from app.http.app_keys import ACCESS, CONTEXT
from app.http.query import query_cursor_id, query_integer, query_limit, query_text
from app.http.request_values import path_id
from app.repositories.sql import Connection
from app.schemas import CredentialPage, credential_view
from app.services.catalog import credentials
from app.services.idempotency import run_idempotently
from app.web.replies import json_reply, storable_answer, stored_reply
from app.web.request_parsing import idempotent_request, read_object


async def list_credentials(request: web.Request) -> web.StreamResponse:
    """A page of active credentials, or the one with the external id that the query names."""
    limit, after, external_id = query_limit(request), query_cursor_id(request), query_text(request, "external_id")
    page, cursor = await credentials.page(request.app[CONTEXT].pool, after, limit, external_id)
    items = tuple(credential_view(credential) for credential in page)
    return json_reply(CredentialPage(items=items, next_cursor=cursor))


async def show_credential(request: web.Request) -> web.StreamResponse:
    """An active credential, or a named version of an active or deleted one."""
    return json_reply(credential_view(await find_credential(request)))


async def create_credential(request: web.Request) -> web.StreamResponse:
    """Creates a credential."""
    payload = await read_object(request)
    body = validate_body(CredentialBody, payload)

    async def create(conn: Connection) -> StoredReply:
        credential = await credentials.create(conn, request[ACCESS].caller.principal, body)
        return storable_answer(credential_view(credential), 201, f"/credentials/{credential.credential_id}")

    answer = await run_idempotently(request.app[CONTEXT].pool, idempotent_request(request, payload), create)
    return stored_reply(answer)


async def patch_credential(request: web.Request) -> web.StreamResponse:
    """Changes some fields of a credential, which makes a new version."""
    credential = await find_credential(request)
    changes, pool = await read_object(request), request.app[CONTEXT].pool
    changed = await credentials.patch(pool, request[ACCESS].caller.principal, credential.credential_id, changes)
    return json_reply(credential_view(changed))


async def delete_credential(request: web.Request) -> web.StreamResponse:
    """Deletes a credential; its versions stay readable."""
    credential = await find_credential(request)
    await credentials.delete(request.app[CONTEXT].pool, request[ACCESS].caller.principal, credential.credential_id)
    return web.Response(status=204)


async def find_credential(request: web.Request) -> Credential:
    """The active credential that the path names, or for a GET the version that the query names. Raises `NotFound`."""
    version = query_integer(request, "version") if request.method in ("GET", "HEAD") else None
    return await credentials.find(request.app[CONTEXT].pool, path_id(request, "credential_id"), version)
