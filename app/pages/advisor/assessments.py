"""Everyone's assessments for staff: the list, and having the essays of one scored again."""

from collections.abc import Mapping

from aiohttp import web

from app.domain.records.assessments import AssessmentSummary
from app.domain.states import AssessmentStatus
from app.http.app_keys import ACCESS, CONTEXT
from app.http.notifications import notify_workers, publish_change
from app.http.query import query_boolean, query_choice, query_cursor_time, query_limit, query_text
from app.http.request_values import origin_of
from app.http.sessions import PAGES
from app.pages.advisor.addresses import with_query
from app.pages.forms import read_form
from app.pages.rendering import redirect, render
from app.pages.targets import find_permitted_assessment
from app.services.assessments import lookup
from app.services.assessments.lookup import AssessmentFilter
from app.services.catalog import tracks
from app.services.jobs import rescore

_PATH = f"{PAGES}/assessments"
_TRACKS = 100
_MAX_REASON = 2000
STATUSES: Mapping[AssessmentStatus, str] = {
    AssessmentStatus.IN_PROGRESS: "Being answered",
    AssessmentStatus.SUBMITTED: "Being scored",
    AssessmentStatus.COMPLETED: "Has a result",
    AssessmentStatus.FAILED: "Has no result",
    AssessmentStatus.EXPIRED: "Not submitted in time",
}


async def list_assessments(request: web.Request) -> web.StreamResponse:
    """A page of everyone's assessments, newest first."""
    pool, chosen = request.app[CONTEXT].pool, request.query.get
    filters = AssessmentFilter(
        track=query_text(request, "track") or None,
        status=query_choice(request, "status", AssessmentStatus) if chosen("status") else None,
        degraded=query_boolean(request, "degraded") if chosen("degraded") else None,
        needs_review=query_boolean(request, "needs_review") if chosen("needs_review") else None,
    )
    after, limit = query_cursor_time(request), query_limit(request)
    rows, cursor = await lookup.list_assessments(pool, request[ACCESS].caller, filters, after, limit)
    known, _ = await tracks.page(pool, None, _TRACKS)
    names = {track.body.slug: track.body.name for track in known}
    fields = {name: chosen(name, "") for name in ("track", "status", "degraded", "needs_review")}
    values = {
        "rows": [_row(row, names.get(row.track, row.track)) for row in rows],
        "fields": fields,
        "filtered": any(fields.values()),
        "tracks": list(names.items()),
        "statuses": [(str(status), text) for status, text in STATUSES.items()],
        "next_page": with_query(_PATH, {**fields, "cursor": cursor}) if cursor else None,
    }
    return render(request, "advisor/assessments.html", values)


async def rescore_assessment(request: web.Request) -> web.StreamResponse:
    """Has every essay scored again, and shows how far that is. The result stands until the new one replaces it."""
    assessment, context = await find_permitted_assessment(request), request.app[CONTEXT]
    reason = (await read_form(request)).get("reason", "").strip()
    path = f"{_PATH}/{assessment.id}"
    if not reason or len(reason) > _MAX_REASON:
        values = {"path": path, "reason": reason, "error": f"Say why, in up to {_MAX_REASON} characters."}
        return render(request, "advisor/rescore.html", values, status=422)
    actor, attempts = request[ACCESS].caller.principal, context.settings.job_max_attempts
    async with context.pool.acquire() as conn, conn.transaction():
        notifications = await rescore.rescore(conn, actor, assessment.id, reason, attempts, origin_of(request))
    publish_change(request.app, assessment.id)
    notify_workers(request.app, notifications)
    return redirect(f"{path}?done=rescoring")


def _row(row: AssessmentSummary, track_name: str) -> dict[str, object]:
    return {
        "line": row,
        "track_name": track_name,
        "status": STATUSES[row.status],
        "path": f"{_PATH}/{row.assessment_id}",
    }
