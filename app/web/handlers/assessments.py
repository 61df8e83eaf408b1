"""Assessments: start, answer, submit, follow."""

from uuid import UUID

from aiohttp import web

from app.domain.body_validation import validate_body
from app.domain.records.assessments import Assessment, AssessmentLine, StoredAnswer
from app.domain.states import AssessmentStatus
from app.http.app_keys import ACCESS, BACKGROUND, CONTEXT, METRICS, REQUEST_ID, SUBMITTER
from app.repositories import assessments
from app.repositories.sql import Connection
from app.schemas import AssessmentPage, assessment_view, line_view
from app.schemas.requests import NewAssessment, SaveBody, SubmitBody
from app.services import paging
from app.services.assessments import lookup, responses, start, status
from app.services.assessments.status import Status
from app.services.assessments.submit import Origin, SubmitResult
from app.services.idempotency import IdempotentRequest, run_idempotently
from app.services.jobs.runner import notify
from app.web.parsing import (
    attempt_of,
    bad_query,
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
    caller = request[ACCESS].caller
    value = await read_object(request)
    track, context = validate_body(NewAssessment, value).track, request.app[CONTEXT]

    async def work(conn: Connection) -> StoredAnswer:
        assessment, new = await start.start(conn, caller.sub, track, context.settings.assessment_ttl)
        return answer(assessment_view(assessment), 201 if new else 200, f"/assessments/{assessment.id}")

    return stored_reply(await run_idempotently(context.pool, attempt_of(request, caller, value), work))


async def list_assessments(request: web.Request) -> web.StreamResponse:
    """A page of assessments, newest first: the caller's own, or everyone's for staff."""
    caller = request[ACCESS].caller
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
    assessment_id, access = path_id(request, "assessment_id"), request[ACCESS]
    return json_reply(
        assessment_view(await lookup.find_permitted_assessment(request.app[CONTEXT].pool, assessment_id, access))
    )


async def save_responses(request: web.Request) -> web.StreamResponse:
    """Saves some answers."""
    pool = request.app[CONTEXT].pool
    assessment = await lookup.find_permitted_assessment(pool, path_id(request, "assessment_id"), request[ACCESS])
    body = validate_body(SaveBody, await read_object(request))
    saved = await responses.save(pool, assessment, _given(body))
    request.app[CONTEXT].change_feed.publish(assessment.id)
    return json_reply(saved)


async def submit_assessment(request: web.Request) -> web.StreamResponse:
    """Locks the answers, scores by rule, and queues the jobs."""
    access, submitter = request[ACCESS], request.app[SUBMITTER]
    early = IdempotentRequest(probable_key(request, access.caller), b"")
    draft = await submitter.read_draft(path_id(request, "assessment_id"), access, early)
    value = await read_object(request)
    body = validate_body(SubmitBody, value)
    origin = Origin(traceparent(request), request[REQUEST_ID])
    attempt = attempt_of(request, access.caller, value)
    submitted = await submitter.submit(draft, access, attempt, _given(body), origin)
    if submitted.notifications:
        request.app[CONTEXT].change_feed.publish(draft.assessment.id)
        _ring_later(request.app, submitted)
    return stored_reply(submitted.answer)


async def show_result(request: web.Request) -> web.StreamResponse:
    """The result, or the status while there is none yet."""
    found = await status.read_result(request.app[CONTEXT].pool, path_id(request, "assessment_id"), request[ACCESS])
    if isinstance(found, Status):
        return json_reply(found.view, 202, status_headers(found))
    return json_reply(found, headers={"Cache-Control": "private, no-cache"})


async def find_assessment(request: web.Request) -> Assessment:
    """The assessment that the path names, whoever owns it. Raises `NotFound`."""
    return await lookup.find_assessment(request.app[CONTEXT].pool, path_id(request, "assessment_id"))


def _ring_later(app: web.Application, submitted: SubmitResult) -> None:
    """Rings off the request's path: the answer does not wait for Redis."""
    context = app[CONTEXT]
    app[METRICS].submissions.inc()
    app[BACKGROUND].start(lambda: notify(context.job_queue, submitted.notifications))


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
