"""Handlers for appeals: the owner of a result makes them, staff list and answer them."""

from datetime import UTC, datetime

from aiohttp import web

from app.domain.body_validation import validate_body
from app.domain.idempotency import StoredReply
from app.domain.job.notification import JobNotification
from app.domain.records.appeals import AppealRecord
from app.domain.states import AppealFilter
from app.http.app_keys import ACCESS, CONTEXT
from app.http.notifications import notify_workers, publish_change
from app.http.query import query_choice, query_cursor_time, query_limit
from app.http.request_values import path_id
from app.repositories.sql import Connection
from app.schemas import appeal_page, appeal_view, links, staff_appeal_view
from app.schemas.requests import AppealAnswerBody, AppealBody
from app.services.idempotency import run_idempotently
from app.services.results import appeals, override
from app.services.results.appeals import AppealAnswer
from app.web.replies import json_reply, storable_answer, stored_reply
from app.web.request_parsing import idempotent_request, read_object


async def make_appeal(request: web.Request) -> web.StreamResponse:
    """Asks for a person about the score of a question, once, within APPEAL_DAYS of the result."""
    access, context = request[ACCESS], request.app[CONTEXT]
    place = path_id(request, "assessment_id"), path_id(request, "question_id")
    await override.find_question(context.pool, *place, access)
    payload = await read_object(request)
    text, days = validate_body(AppealBody, payload).text, context.settings.appeal_days
    notifications: list[JobNotification] = []

    async def make(conn: Connection) -> StoredReply:
        made = await appeals.make(conn, *place, text, days, datetime.now(UTC), access.audited_actor)
        notifications.extend(made.notifications)
        return storable_answer(appeal_view(made.appeal), 201, links(place[0]).result)

    answer = await run_idempotently(context.pool, idempotent_request(request, payload), make)
    if not answer.replayed:
        publish_change(request.app, place[0])
        notify_workers(request.app, notifications)
    return stored_reply(answer)


async def list_appeals(request: web.Request) -> web.StreamResponse:
    """A page of appeals, longest waiting first."""
    wanted, after = query_choice(request, "status", AppealFilter), query_cursor_time(request)
    page = await appeals.page(request.app[CONTEXT].pool, wanted, after, query_limit(request))
    return json_reply(appeal_page(*page))


async def answer_appeal(request: web.Request) -> web.StreamResponse:
    """Answers an appeal: the points are upheld, or changed by an override, which never lowers them."""
    appeal_id, access, context = path_id(request, "appeal_id"), request[ACCESS], request.app[CONTEXT]
    await appeals.find_answerable(context.pool, appeal_id, access)
    body = validate_body(AppealAnswerBody, await read_object(request))
    new = AppealAnswer(access.caller.principal, body.decision, body.reply, body.score, body.dimensions)
    answered = await appeals.answer(context.pool, appeal_id, new, context.settings.review_below_confidence)
    publish_change(request.app, answered.appeal.assessment_id)
    notify_workers(request.app, answered.notifications)
    return json_reply(staff_appeal_view(answered.appeal), headers={"Cache-Control": "private, no-cache"})


async def find_appeal(request: web.Request) -> AppealRecord:
    """The appeal that the path names. Raises `NotFound`."""
    return await appeals.find(request.app[CONTEXT].pool, path_id(request, "appeal_id"))
