"""Assessments: start, answer, submit, follow."""

from uuid import UUID

from aiohttp import web

from app.domain.checking import checked
from app.domain.records.assessments import AssessmentLine, StoredAnswer
from app.domain.states import AssessmentStatus, Role
from app.http.keys import BACKGROUND, CONTEXT, METRICS, REQUEST_ID, SUBMITTER
from app.repositories import assessments
from app.repositories.sql import Connection
from app.schemas import AssessmentPage, assessment_view, line_view
from app.schemas.requests import NewAssessment, SaveBody, SubmitBody
from app.services import paging
from app.services.assessments import responses, start, status
from app.services.assessments.status import Status
from app.services.assessments.submit import Origin, Submitted
from app.services.idempotency import IdempotentRequest, run_idempotently
from app.services.jobs.runner import notify
from app.web.parsing import (
    attempt_of,
    bad_query,
    identify,
    path_id,
    probable_key,
    query_cursor_time,
    query_limit,
    query_text,
    read_object,
    traceparent,
)
from app.web.replies import answer, json_reply, status_headers, stored_reply


async def start_assessment(request: web.Request) -> web.StreamResponse:
    """Starts an assessment, or goes on with the open one of the track."""
    caller = await identify(request)
    caller.require(Role.STUDENT)
    value = await read_object(request)
    track, context = checked(NewAssessment, value).track, request.app[CONTEXT]

    async def work(conn: Connection) -> StoredAnswer:
        assessment, new = await start.start(conn, caller.sub, track, context.settings.assessment_ttl)
        return answer(assessment_view(assessment), 201 if new else 200, f"/assessments/{assessment.id}")

    return stored_reply(await run_idempotently(context.pool, attempt_of(request, caller, value), work))


async def list_assessments(request: web.Request) -> web.StreamResponse:
    """A page of assessments, newest first: the caller's own, or everyone's for staff."""
    caller = await identify(request)
    caller.require(*Role)
    if "needs_review" in request.query:
        caller.require(Role.ADVISOR, Role.ADMIN)
    limit, after = query_limit(request), query_cursor_time(request)
    found = await assessments.page(
        request.app[CONTEXT].pool,
        None if caller.staff else caller.sub,
        query_text(request, "track"),
        _status_filter(request),
        _truth_filter(request, "degraded"),
        _truth_filter(request, "needs_review"),
        after,
        limit + 1,
    )
    page, cursor = paging.cut(found, limit, _position_of)
    lines = tuple(line_view(line, staff=caller.staff) for line in page)
    return json_reply(AssessmentPage(items=lines, next_cursor=cursor))


async def show_assessment(request: web.Request) -> web.StreamResponse:
    """An assessment with its questions and saved responses."""
    caller = await identify(request)
    assessment = await responses.find(request.app[CONTEXT].pool, path_id(request, "assessment_id"))
    caller.require_reader(assessment.owner)
    return json_reply(assessment_view(assessment))


async def save_responses(request: web.Request) -> web.StreamResponse:
    """Saves some answers."""
    caller = await identify(request)
    pool = request.app[CONTEXT].pool
    assessment = await responses.find(pool, path_id(request, "assessment_id"))
    caller.require_owner(assessment.owner)
    body = checked(SaveBody, await read_object(request))
    saved = await responses.save(pool, assessment, _given(body))
    request.app[CONTEXT].change_feed.publish(assessment.id)
    return json_reply(saved)


async def submit_assessment(request: web.Request) -> web.StreamResponse:
    """Locks the answers, scores by rule, and queues the jobs."""
    caller, submitter = await identify(request), request.app[SUBMITTER]
    early = IdempotentRequest(probable_key(request, caller), b"")
    draft = await submitter.open(path_id(request, "assessment_id"), caller, early)
    value = await read_object(request)
    body = checked(SubmitBody, value)
    origin = Origin(traceparent(request), request[REQUEST_ID])
    attempt = attempt_of(request, caller, value)
    submitted = await submitter.submit(draft, caller, attempt, _given(body), origin)
    if submitted.rings:
        request.app[CONTEXT].change_feed.publish(draft.assessment.id)
        _ring_later(request.app, submitted)
    return stored_reply(submitted.answer)


async def show_result(request: web.Request) -> web.StreamResponse:
    """The result, or the status while there is none yet."""
    caller = await identify(request)
    found = await status.read_result(request.app[CONTEXT].pool, path_id(request, "assessment_id"), caller)
    if isinstance(found, Status):
        return json_reply(found.view, 202, status_headers(found))
    return json_reply(found, headers={"Cache-Control": "private, no-cache"})


def _ring_later(app: web.Application, submitted: Submitted) -> None:
    """Rings off the request's path: the answer does not wait for Redis."""
    context = app[CONTEXT]
    app[METRICS].submissions.inc()
    app[BACKGROUND].start(lambda: notify(context.job_queue, submitted.rings))


def _given(body: SaveBody | SubmitBody) -> list[tuple[UUID, object]]:
    return [(response.question_id, response.answer) for response in body.responses]


def _status_filter(request: web.Request) -> AssessmentStatus | None:
    text = request.query.get("status")
    try:
        return AssessmentStatus(text) if text is not None else None
    except ValueError:
        bad_query(f"status must be one of {', '.join(AssessmentStatus)}")


def _truth_filter(request: web.Request, name: str) -> bool | None:
    text = request.query.get(name)
    if text is not None and text not in ("true", "false"):
        bad_query(f"{name} must be true or false")
    return None if text is None else text == "true"


def _position_of(line: AssessmentLine) -> tuple[str, str]:
    return line.created_at.isoformat(), str(line.assessment_id)
