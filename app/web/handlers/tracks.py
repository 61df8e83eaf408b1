"""Tracks."""

from aiohttp import web

from app.domain.assessment.tracks import TrackBody
from app.domain.checking import checked
from app.domain.records.assessments import StoredAnswer, Track
from app.domain.states import Role
from app.http.keys import CONTEXT
from app.repositories import tracks
from app.repositories.sql import Connection
from app.schemas import TrackPage, track_view
from app.services import paging
from app.services.catalog import tracks_and_questions
from app.services.idempotency import run_idempotently
from app.web.parsing import attempt_of, identify, path_text, query_cursor, query_limit, read_object
from app.web.replies import answer, json_reply, stored_reply


async def list_tracks(request: web.Request) -> web.StreamResponse:
    """A page of active tracks."""
    (await identify(request)).require(*Role)
    limit, after = query_limit(request), query_cursor(request, 1)
    found = await tracks.page(request.app[CONTEXT].pool, after[0] if after else None, limit + 1)
    page, cursor = paging.cut(found, limit, lambda track: (track.body.slug,))
    return json_reply(TrackPage(items=tuple(track_view(track) for track in page), next_cursor=cursor))


async def show_track(request: web.Request) -> web.StreamResponse:
    """One active track."""
    caller = await identify(request)
    track = await _named(request)
    caller.require(*Role)
    return json_reply(track_view(track))


async def create_track(request: web.Request) -> web.StreamResponse:
    """A new track."""
    caller = await identify(request)
    caller.require(Role.ADMIN)
    value = await read_object(request)
    body = checked(TrackBody, value)

    async def work(conn: Connection) -> StoredAnswer:
        track = await tracks_and_questions.create_track(conn, caller.sub, body)
        return answer(track_view(track), 201, f"/tracks/{body.slug}")

    return stored_reply(await run_idempotently(request.app[CONTEXT].pool, attempt_of(request, caller, value), work))


async def patch_track(request: web.Request) -> web.StreamResponse:
    """A track with some fields changed."""
    caller = await identify(request)
    track = await _named(request)
    caller.require(Role.ADMIN)
    changes = await read_object(request)
    changed = await tracks_and_questions.patch_track(request.app[CONTEXT].pool, caller.sub, track.body.slug, changes)
    return json_reply(track_view(changed))


async def delete_track(request: web.Request) -> web.StreamResponse:
    """Takes a track out of use."""
    caller = await identify(request)
    track = await _named(request)
    caller.require(Role.ADMIN)
    await tracks_and_questions.delete_track(request.app[CONTEXT].pool, caller.sub, track)
    return web.Response(status=204)


async def _named(request: web.Request) -> Track:
    return await tracks_and_questions.find_track(request.app[CONTEXT].pool, path_text(request, "slug"))
