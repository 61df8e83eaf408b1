"""Tracks."""

from aiohttp import web

from app.domain.assessment.tracks import TrackBody
from app.domain.body_validation import validate_body
from app.domain.records.assessments import StoredAnswer, Track
from app.http.app_keys import ACCESS, CONTEXT
from app.repositories.sql import Connection
from app.schemas import TrackPage, track_view
from app.services.catalog import tracks
from app.services.idempotency import run_idempotently
from app.web.parsing import attempt_of, path_text, query_cursor, query_limit, read_object
from app.web.replies import answer, json_reply, stored_reply


async def list_tracks(request: web.Request) -> web.StreamResponse:
    """A page of active tracks."""
    limit, after = query_limit(request), query_cursor(request, 1)
    page, cursor = await tracks.page(request.app[CONTEXT].pool, after[0] if after else None, limit)
    return json_reply(TrackPage(items=tuple(track_view(track) for track in page), next_cursor=cursor))


async def show_track(request: web.Request) -> web.StreamResponse:
    """One active track."""
    return json_reply(track_view(await find_track(request)))


async def create_track(request: web.Request) -> web.StreamResponse:
    """A new track."""
    caller = request[ACCESS].caller
    value = await read_object(request)
    body = validate_body(TrackBody, value)

    async def work(conn: Connection) -> StoredAnswer:
        track = await tracks.create(conn, caller.sub, body)
        return answer(track_view(track), 201, f"/tracks/{body.slug}")

    return stored_reply(await run_idempotently(request.app[CONTEXT].pool, attempt_of(request, caller, value), work))


async def patch_track(request: web.Request) -> web.StreamResponse:
    """A track with some fields changed."""
    caller, track = request[ACCESS].caller, await find_track(request)
    changes = await read_object(request)
    changed = await tracks.patch(request.app[CONTEXT].pool, caller.sub, track.body.slug, changes)
    return json_reply(track_view(changed))


async def delete_track(request: web.Request) -> web.StreamResponse:
    """Takes a track out of use."""
    caller, track = request[ACCESS].caller, await find_track(request)
    await tracks.delete(request.app[CONTEXT].pool, caller.sub, track)
    return web.Response(status=204)


async def find_track(request: web.Request) -> Track:
    """The active track that the path names. Raises `NotFound`."""
    return await tracks.find(request.app[CONTEXT].pool, path_text(request, "slug"))
