"""A student's first page: tracks to start, open assessments and finished ones."""

from aiohttp import web

from app.domain.states import AssessmentStatus
from app.http.app_keys import ACCESS, CONTEXT
from app.http.sessions import PAGES
from app.pages.forms import read_form
from app.pages.rendering import redirect, render
from app.services.assessments import lookup, start
from app.services.assessments.lookup import AssessmentFilter
from app.services.catalog import tracks

_ROWS = 100


async def show_home(request: web.Request) -> web.StreamResponse:
    """What the caller can do, by their roles."""
    pool, caller = request.app[CONTEXT].pool, request[ACCESS].caller
    shown, _ = await tracks.page(pool, None, _ROWS)
    rows, _ = await lookup.list_assessments(pool, caller, AssessmentFilter(), None, _ROWS)
    values = {
        "tracks": [track.body for track in shown],
        "open": [row for row in rows if row.status is AssessmentStatus.IN_PROGRESS],
        "others": [row for row in rows if row.status is not AssessmentStatus.IN_PROGRESS],
    }
    return render(request, "student/home.html", values)


async def start_assessment(request: web.Request) -> web.StreamResponse:
    """Starts an assessment of the track that was chosen, or goes on with the open one."""
    track, context = (await read_form(request)).get("track", ""), request.app[CONTEXT]
    owner, settings = request[ACCESS].caller.principal, context.settings
    async with context.pool.acquire() as conn, conn.transaction():
        assessment, _ = await start.start(conn, owner, track, settings.assessment_ttl, settings.owner_starts_per_day)
    return redirect(f"{PAGES}/assessments/{assessment.id}")
