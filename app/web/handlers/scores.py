"""Handlers for doubtful scores: override or confirm one, or have all essays of an assessment scored again."""

from aiohttp import web

from app.domain.assessment.questions import Question
from app.domain.body_validation import validate_body
from app.domain.idempotency import StoredReply
from app.domain.job.notification import JobNotification
from app.http.app_keys import ACCESS, CONTEXT
from app.http.notifications import notify_workers, publish_change
from app.http.overriding import store_review
from app.http.request_values import origin_of, path_id
from app.repositories.sql import Connection
from app.schemas import links
from app.schemas.requests import DimensionsOverrideBody, OverrideBody, RescoreBody, ReviewBody
from app.services.assessments.status import read_status
from app.services.caller import Access
from app.services.idempotency import run_idempotently
from app.services.jobs import rescore
from app.services.results import override
from app.services.results.override import Confirmation, DimensionsOverride, Review, ScoreOverride
from app.web.handlers.assessments import find_permitted_assessment
from app.web.replies import json_reply, storable_answer, stored_reply
from app.web.request_parsing import idempotent_request, read_object


async def override_score(request: web.Request) -> web.StreamResponse:
    """Overrides a score in total or by dimension: the person's points count in place of the machine's. Answers with the
    new result."""
    question, by = await _find_question(request, request[ACCESS]), request[ACCESS].caller.principal
    payload = await read_object(request)
    if "dimensions" in payload:
        by_dimension = validate_body(DimensionsOverrideBody, payload)
        override.check_dimensions(question)
        return await _review(request, DimensionsOverride(question, by_dimension.dimensions, by_dimension.reason, by))
    body = validate_body(OverrideBody, payload)
    override.check_points(question, body.score)
    return await _review(request, ScoreOverride(question, body.score, body.reason, by))


async def confirm_score(request: web.Request) -> web.StreamResponse:
    """Confirms the machine's score: it counts like a person's. Answers with the new result."""
    question = await _find_question(request, request[ACCESS])
    validate_body(ReviewBody, await read_object(request))
    return await _review(request, Confirmation(question, request[ACCESS].caller.principal))


async def _review(request: web.Request, review: Review) -> web.StreamResponse:
    overridden = await store_review(request.app, path_id(request, "assessment_id"), review)
    return json_reply(overridden.view, headers={"Cache-Control": "private, no-cache"})


async def rescore_assessment(request: web.Request) -> web.StreamResponse:
    """Scores every essay again in a new run; the result stands until the new one replaces it."""
    access, context = request[ACCESS], request.app[CONTEXT]
    assessment_id = (await find_permitted_assessment(request)).id
    payload = await read_object(request)
    reason = validate_body(RescoreBody, payload).reason
    notifications: list[JobNotification] = []

    async def start_run(conn: Connection) -> StoredReply:
        actor, attempts = access.caller.principal, context.settings.job_max_attempts
        notifications.extend(await rescore.rescore(conn, actor, assessment_id, reason, attempts, origin_of(request)))
        status = await read_status(conn, assessment_id, access)
        return storable_answer(status.rendered(access).view, 202, links(assessment_id).status)

    answer = await run_idempotently(context.pool, idempotent_request(request, payload), start_run)
    if notifications:
        publish_change(request.app, assessment_id)
        notify_workers(request.app, notifications)
    return stored_reply(answer)


async def find_question(request: web.Request) -> Question:
    """The question of an assessment that the path names, in the assessment's version. Raises `NotFound`."""
    return await _find_question(request)


async def _find_question(request: web.Request, access: Access | None = None) -> Question:
    ids = path_id(request, "assessment_id"), path_id(request, "question_id")
    return await override.find_question(request.app[CONTEXT].pool, *ids, access)
