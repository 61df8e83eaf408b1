"""Handlers for assessments: start, list, show, answer, submit, read the result."""

from uuid import UUID

from aiohttp import web

from app.domain.body_validation import validate_body
from app.domain.idempotency import StoredReply
from app.domain.records.assessments import Assessment
from app.domain.states import AssessmentStatus
from app.http.app_keys import ACCESS, CONTEXT, METRICS, READ_POOLS, SUBMITTER
from app.http.notifications import notify_workers, publish_change
from app.http.query import query_boolean, query_choice, query_cursor_time, query_limit, query_text
from app.http.request_values import origin_of, path_id
from app.repositories.sql import Connection
from app.schemas import AssessmentPage, assessment_view, summary_view
from app.schemas.requests import NewAssessment, SaveBody, SubmitBody
from app.services.assessments import lookup, responses, start, status
from app.services.assessments.lookup import AssessmentFilter
from app.services.assessments.status import Status
from app.services.idempotency import IdempotentRequest, run_idempotently
from app.web.replies import json_reply, status_headers, storable_answer, stored_reply
from app.web.request_parsing import idempotent_request, read_object, unchecked_idempotency_key


async def start_assessment(request: web.Request) -> web.StreamResponse:
    """Starts an assessment of a track, or resumes the open one."""
    payload = await read_object(request)
    track, context = validate_body(NewAssessment, payload).track, request.app[CONTEXT]

    async def start_or_resume(conn: Connection) -> StoredReply:
        owner, settings = request[ACCESS].caller.principal, context.settings
        assessment, new = await start.start(conn, owner, track, settings.assessment_ttl, settings.owner_starts_per_day)
        return storable_answer(assessment_view(assessment), 201 if new else 200, f"/assessments/{assessment.id}")

    return stored_reply(await run_idempotently(context.pool, idempotent_request(request, payload), start_or_resume))


async def list_assessments(request: web.Request) -> web.StreamResponse:
    """A page of assessments, newest first: the caller's own, or everyone's for advisors and admins."""
    caller, limit, after = request[ACCESS].caller, query_limit(request), query_cursor_time(request)
    filters = AssessmentFilter(
        track=query_text(request, "track"),
        status=query_choice(request, "status", AssessmentStatus),
        degraded=query_boolean(request, "degraded"),
        needs_review=query_boolean(request, "needs_review"),
    )
    if caller.staff and filters.needs_review is None:
        # What still needs a review is what the caller may have decided a moment ago.
        reads = request.app[READ_POOLS]
        page, cursor = await reads.read(lambda pool: lookup.list_assessments(pool, caller, filters, after, limit))
    else:
        page, cursor = await lookup.list_assessments(request.app[CONTEXT].pool, caller, filters, after, limit)
    lines = tuple(summary_view(row, staff=caller.staff) for row in page)
    return json_reply(AssessmentPage(items=lines, next_cursor=cursor))


async def show_assessment(request: web.Request) -> web.StreamResponse:
    """An assessment with its questions and saved responses."""
    return json_reply(assessment_view(await find_permitted_assessment(request)))


async def save_responses(request: web.Request) -> web.StreamResponse:
    """Saves some responses."""
    assessment = await find_permitted_assessment(request)
    body = validate_body(SaveBody, await read_object(request))
    saved = await responses.save(request.app[CONTEXT].pool, assessment, _answers(body))
    publish_change(request.app, assessment.id)
    return json_reply(saved)


async def submit_assessment(request: web.Request) -> web.StreamResponse:
    """Submits an assessment: locks its responses, scores them by rule, and queues the jobs."""
    access, submitter = request[ACCESS], request.app[SUBMITTER]
    # Read together with the answer that may be stored for the key; the key is checked after the body.
    early = IdempotentRequest(unchecked_idempotency_key(request), None)
    draft = await submitter.read_draft(path_id(request, "assessment_id"), access, early)
    payload = await read_object(request)
    answers = _answers(validate_body(SubmitBody, payload))
    attempt, origin = idempotent_request(request, payload), origin_of(request)
    submitted = await submitter.submit(draft, access, attempt, answers, origin)
    if submitted.notifications:
        request.app[METRICS].submissions.inc()
        publish_change(request.app, draft.assessment.id)
        notify_workers(request.app, submitted.notifications)
    return stored_reply(submitted.answer)


async def show_result(request: web.Request) -> web.StreamResponse:
    """The result of an assessment, or its status while there is no result."""
    pool, assessment_id = request.app[CONTEXT].pool, path_id(request, "assessment_id")
    result = await status.read_result(pool, assessment_id, request[ACCESS])
    if isinstance(result, Status):
        return json_reply(result.rendered(request[ACCESS]).body, 202, status_headers(result))
    return json_reply(result, headers={"Cache-Control": "private, no-cache"})


async def find_permitted_assessment(request: web.Request) -> Assessment:
    """The assessment that the path names, if the caller may have it. Raises `NotFound` or `Forbidden`."""
    pool, assessment_id = request.app[CONTEXT].pool, path_id(request, "assessment_id")
    return await lookup.find_permitted_assessment(pool, assessment_id, request[ACCESS])


async def find_assessment(request: web.Request) -> Assessment:
    """The assessment that the path names, whoever owns it. Raises `NotFound`."""
    return await lookup.find_assessment(request.app[CONTEXT].pool, path_id(request, "assessment_id"))


def _answers(body: SaveBody | SubmitBody) -> list[tuple[UUID, object]]:
    return [(response.question_id, response.answer) for response in body.responses]
