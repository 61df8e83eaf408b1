"""The page from which staff download the grade book."""

from aiohttp import web

from app.domain.period import InvalidPeriod, parse_open_period
from app.http.app_keys import CONTEXT
from app.http.exports import Format
from app.http.gradebook_file import send_gradebook
from app.http.query import query_choice, query_text
from app.http.sessions import PAGES
from app.pages.rendering import render
from app.services.catalog import tracks
from app.services.results.gradebooks import GradebookFilter

GRADEBOOK = f"{PAGES}/gradebook"
_TRACKS = 100


async def show_gradebook(request: web.Request) -> web.StreamResponse:
    """A form to choose assessments, and the format of the file."""
    return await _page(request, "")


async def download_gradebook(request: web.Request) -> web.StreamResponse:
    """A row for each of the chosen assessments, as CSV unless the form says JSON."""
    file_format = query_choice(request, "format", Format) or Format.CSV
    try:
        period = parse_open_period(request.query.get("from") or None, request.query.get("to") or None)
    except InvalidPeriod as error:
        return await _page(request, str(error))
    wanted = GradebookFilter(query_text(request, "track") or None, *period)
    return await send_gradebook(request, wanted, file_format, attached=True)


async def _page(request: web.Request, error: str) -> web.StreamResponse:
    known, _ = await tracks.page(request.app[CONTEXT].pool, None, _TRACKS)
    values = {
        "fields": {name: request.query.get(name, "") for name in ("track", "from", "to")},
        "tracks": [(track.body.slug, track.body.name) for track in known],
        "error": error,
    }
    return render(request, "insights/gradebook.html", values, status=422 if error else 200)
