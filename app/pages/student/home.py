"""A student's first page: open assessments, tracks to start, and what came of the others."""

from collections.abc import Mapping

from aiohttp import web

from app.domain.errors import (
    AttemptsUsed,
    BankTooSmall,
    CallerError,
    Conflict,
    NotFound,
    OwnerStartLimit,
    RetakeTooSoon,
)
from app.domain.records.assessments import OfferedTrack
from app.domain.states import Role
from app.http.app_keys import ACCESS, CONTEXT
from app.http.exports import send_json
from app.http.problems import problem_of
from app.http.query import query_cursor_time
from app.http.sessions import PAGES
from app.pages.advisor.addresses import REVIEW
from app.pages.forms import read_form
from app.pages.operator.system import SYSTEM
from app.pages.rendering import redirect, render
from app.pages.student import wording
from app.services.assessments import own, start
from app.services.export_person import export_own

_ROWS = 20
_REFUSALS: Mapping[type[CallerError], str] = {
    AttemptsUsed: "You have used all attempts at this track.",
    RetakeTooSoon: "You cannot start this track again yet.",
    BankTooSmall: "This track has too few questions at the moment. Please tell whoever runs this service.",
    OwnerStartLimit: "You have started many assessments today. Try again tomorrow.",
    Conflict: "Another window has started it at the same moment. Try again.",
    NotFound: "This track is not offered any more.",
}


async def show_home(request: web.Request) -> web.StreamResponse:
    """What the caller can do, by their roles."""
    return await _show(request)


async def start_assessment(request: web.Request) -> web.StreamResponse:
    """Starts an assessment of the track that was chosen, or goes on with the open one."""
    track, context = (await read_form(request)).get("track", ""), request.app[CONTEXT]
    owner, settings = request[ACCESS].caller.principal, context.settings
    try:
        async with context.pool.acquire() as conn, conn.transaction():
            started, _ = await start.start(conn, owner, track, settings.assessment_ttl, settings.owner_starts_per_day)
    except tuple(_REFUSALS) as error:
        problem = problem_of(error)
        response = await _show(request, (track, _REFUSALS[type(error)]), problem.kind.status)
        response.headers.update(problem.response_headers)
        return response
    return redirect(f"{PAGES}/assessments/{started.id}")


async def download_own_data(request: web.Request) -> web.StreamResponse:
    """All that is stored of the caller, as a file of JSON."""
    person = request[ACCESS].caller.principal
    headers = {"Content-Disposition": 'attachment; filename="my-data.json"'}
    return await send_json(request, export_own(request.app[CONTEXT].pool, person), headers)


async def _show(request: web.Request, refusal: tuple[str, str] | None = None, status: int = 200) -> web.Response:
    """The page; with a `refusal`, why the track of this slug was not started."""
    caller = request[ACCESS].caller
    if Role.STUDENT not in caller.roles and caller.staff:
        return redirect(REVIEW if Role.ADVISOR in caller.roles else SYSTEM)
    if Role.STUDENT not in caller.roles:
        return render(request, "home.html")
    after = query_cursor_time(request) if request.method == "GET" else None
    shown = await own.read_own(request.app[CONTEXT].pool, caller.principal, after, _ROWS)
    slugs = {offered.slug for offered in shown.tracks}
    values = {
        "own": shown,
        "tracks": [_card(offered, refusal) for offered in shown.tracks],
        "refusal": refusal[1] if refusal and refusal[0] not in slugs else None,
        "states": wording.STATES,
        "duration": wording.duration,
        "time_to_answer": wording.duration(request.app[CONTEXT].settings.assessment_ttl),
        "is_first_page": after is None,
    }
    return render(request, "student/home.html", values, status=status)


def _card(offered: OfferedTrack, refusal: tuple[str, str] | None) -> dict[str, object]:
    return {
        "slug": offered.slug,
        "name": offered.name,
        "description": offered.description,
        "mix": wording.mix_in_words(offered.question_mix),
        "attempts": wording.attempts_in_words(offered.attempts),
        "startable_from": wording.startable_from(offered.attempts),
        "startable": wording.startable_now(offered.attempts) and offered.open_id is None,
        "open_id": offered.open_id,
        "error": refusal[1] if refusal and refusal[0] == offered.slug else None,
    }
