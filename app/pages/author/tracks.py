"""Pages for tracks: list, create, change, retire, restore."""

from aiohttp import web

from app.domain.assessment.tracks import TrackBody
from app.domain.body_validation import validate_body
from app.domain.errors import FieldError, InvalidFields, SlugTaken
from app.domain.records.catalog import Track
from app.http.app_keys import ACCESS, CONTEXT
from app.http.query import query_cursor, query_limit
from app.http.request_values import path_text
from app.http.sessions import PAGES
from app.pages.author.targets import find_track
from app.pages.author.track_form import (
    NEW_TRACK,
    SHOW_CORRECT,
    bank_lines,
    key_secrecy,
    refused_track,
    track_fields,
    track_values,
)
from app.pages.form_values import FormValues
from app.pages.forms import read_form
from app.pages.rendering import redirect, render
from app.services.catalog import questions, tracks

TRACKS = f"{PAGES}/tracks"
# Not below TRACKS, where `new` may be a track.
NEW_TRACK_PATH = f"{PAGES}/new-track"
_RETIRED = 100
_SLUG_TAKEN = "There is a track with this short name, or a retired one, which can be restored."


async def list_tracks(request: web.Request) -> web.StreamResponse:
    """Active tracks with the state of their question banks, and retired ones to restore."""
    pool, after = request.app[CONTEXT].pool, query_cursor(request, 1)
    shown, cursor = await tracks.page(pool, after[0] if after else None, query_limit(request))
    counts = await questions.count_of_tracks(pool, [track.id for track in shown])
    rows = [
        {"body": track.body, "bank": bank_lines(track.body, counts[track.id]), "risky": key_secrecy(track.body).risky}
        for track in shown
    ]
    retired = [track.body for track in await tracks.restorable(pool, _RETIRED)]
    return render(request, "author/tracks.html", {"rows": rows, "cursor": cursor, "retired": retired})


async def show_new_track(request: web.Request) -> web.StreamResponse:
    """An empty form."""
    return _form(request, NEW_TRACK)


async def create_track(request: web.Request) -> web.StreamResponse:
    """Creates the track of the form."""
    form = await read_form(request)
    try:
        body = validate_body(TrackBody, {"slug": form.get("slug", "").strip(), **track_fields(form)})
        async with request.app[CONTEXT].pool.acquire() as conn, conn.transaction():
            await tracks.create(conn, request[ACCESS].caller.principal, body)
    except SlugTaken:
        return _form(request, refused_track(form, InvalidFields([FieldError("/slug", _SLUG_TAKEN)])))
    except InvalidFields as error:
        return _form(request, refused_track(form, error))
    return redirect(f"{TRACKS}/{body.slug}?done=created")


async def show_track(request: web.Request) -> web.StreamResponse:
    """The track's form, what its settings mean, and whether it has enough questions."""
    track = await find_track(request)
    return await _track_page(request, track, track_values(track.body))


async def save_track(request: web.Request) -> web.StreamResponse:
    """Changes the track as the form says."""
    track, form = await find_track(request), await read_form(request)
    slug, pool, actor = track.body.slug, request.app[CONTEXT].pool, request[ACCESS].caller.principal
    try:
        fields = track_fields(form)
        if validate_body(TrackBody, {"slug": slug, **fields}) == track.body:
            return redirect(f"{TRACKS}/{slug}?done=unchanged")
        await tracks.patch(pool, actor, slug, fields)
    except InvalidFields as error:
        return await _track_page(request, track, refused_track(form, error))
    return redirect(f"{TRACKS}/{slug}?done=saved")


async def retire_track(request: web.Request) -> web.StreamResponse:
    """Retires the track: nobody can start it any more."""
    track = await find_track(request)
    await tracks.delete(request.app[CONTEXT].pool, request[ACCESS].caller.principal, track)
    return redirect(f"{TRACKS}?done=retired")


async def restore_track(request: web.Request) -> web.StreamResponse:
    """Makes a retired track active again, with its questions."""
    slug = path_text(request, "slug")
    await tracks.restore(request.app[CONTEXT].pool, request[ACCESS].caller.principal, slug)
    return redirect(f"{TRACKS}/{slug}?done=restored")


def _form(request: web.Request, values: FormValues) -> web.Response:
    shown = {"values": values, "show_correct": SHOW_CORRECT}
    return render(request, "author/new_track.html", shown, status=values.status)


async def _track_page(request: web.Request, track: Track, values: FormValues) -> web.Response:
    counts = await questions.count_of_tracks(request.app[CONTEXT].pool, [track.id])
    shown = {
        "track": track.body,
        "values": values,
        "show_correct": SHOW_CORRECT,
        "secrecy": key_secrecy(track.body),
        "bank": bank_lines(track.body, counts[track.id]),
        "path": f"{TRACKS}/{track.body.slug}",
    }
    return render(request, "author/track.html", shown, status=values.status)
