"""The front page: what this is, and the tracks."""

from aiohttp import web

from app.http.app_keys import CONTEXT
from app.pages.rendering import render
from app.pages.student.wording import mix_in_words
from app.services.catalog import tracks

# More than a page can show usefully; who is signed in sees them all.
_TRACKS = 100


async def show_front_page(request: web.Request) -> web.StreamResponse:
    """What this is, and the tracks that one can start."""
    shown, _ = await tracks.page(request.app[CONTEXT].pool, None, _TRACKS)
    cards = [(track.body, mix_in_words(track.body.question_mix)) for track in shown]
    return render(request, "front.html", {"tracks": cards})
