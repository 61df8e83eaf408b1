"""Handlers for tracks: list, show, create, change, delete, restore."""

from aiohttp import web

from app.domain.assessment.tracks import TrackBody
from app.domain.body_validation import validate_body
from app.domain.idempotency import StoredReply
from app.domain.records.catalog import Track
from app.http.app_keys import ACCESS, CONTEXT
from app.http.query import query_cursor, query_limit
from app.http.request_values import path_text
from app.repositories.sql import Connection
from app.schemas import TrackPage, track_view
from app.schemas.requests import RestoreBody
from app.services.catalog import tracks
from app.services.idempotency import run_idempotently
from app.web.replies import json_reply, storable_answer, stored_reply
from app.web.request_parsing import idempotent_request, read_object


async def list_tracks(request: web.Request) -> web.StreamResponse:
    """A page of active tracks."""
    limit, after = query_limit(request), query_cursor(request, 1)
    page, cursor = await tracks.page(request.app[CONTEXT].pool, after[0] if after else None, limit)
    return json_reply(TrackPage(items=tuple(track_view(track) for track in page), next_cursor=cursor))


async def show_track(request: web.Request) -> web.StreamResponse:
    """An active track."""
    return json_reply(track_view(await find_track(request)))


async def create_track(request: web.Request) -> web.StreamResponse:
    """Creates a track."""
    payload = await read_object(request)
    body = validate_body(TrackBody, payload)

    async def create(conn: Connection) -> StoredReply:
        track = await tracks.create(conn, request[ACCESS].caller.principal, body)
        return storable_answer(track_view(track), 201, f"/tracks/{body.slug}")

    answer = await run_idempotently(request.app[CONTEXT].pool, idempotent_request(request, payload), create)
    return stored_reply(answer)


async def patch_track(request: web.Request) -> web.StreamResponse:
    """Changes some fields of a track."""
    track = await find_track(request)
    changes = await read_object(request)
    changed = await tracks.patch(request.app[CONTEXT].pool, request[ACCESS].caller.principal, track.body.slug, changes)
    return json_reply(track_view(changed))


async def delete_track(request: web.Request) -> web.StreamResponse:
    """Deletes a track; its assessments can still be finished."""
    track = await find_track(request)
    await tracks.delete(request.app[CONTEXT].pool, request[ACCESS].caller.principal, track)
    return web.Response(status=204)


async def restore_track(request: web.Request) -> web.StreamResponse:
    """Restores a deleted track with its questions; an active track stays as it is."""
    pool, slug = request.app[CONTEXT].pool, path_text(request, "slug")
    await tracks.check_known(pool, slug)
    validate_body(RestoreBody, await read_object(request))
    return json_reply(track_view(await tracks.restore(pool, request[ACCESS].caller.principal, slug)))


async def find_known_track(request: web.Request) -> None:
    """Returns if the path names an active or deleted track. Raises `NotFound`."""
    await tracks.check_known(request.app[CONTEXT].pool, path_text(request, "slug"))


async def find_track(request: web.Request) -> Track:
    """The active track that the path names. Raises `NotFound`."""
    return await tracks.find(request.app[CONTEXT].pool, path_text(request, "slug"))
