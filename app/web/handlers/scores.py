"""Scores that people doubt: overriding one, and having all essays scored again."""

from uuid import UUID

from aiohttp import web

from app.domain.assessment.questions import Question
from app.domain.body_validation import validate_body
from app.domain.errors import NotFound
from app.domain.job.notification import JobNotification
from app.domain.records.assessments import StoredAnswer
from app.http.app_keys import ACCESS, BACKGROUND, CONTEXT, REQUEST_ID
from app.repositories import assessments
from app.repositories.sql import Connection
from app.schemas import links
from app.schemas.requests import OverrideBody, RescoreBody
from app.services.assessments import lookup, status
from app.services.assessments.submit import Origin
from app.services.idempotency import run_idempotently
from app.services.jobs import rescore
from app.services.jobs.runner import notify
from app.services.results import override
from app.services.results.override import ScoreOverride
from app.web.parsing import attempt_of, path_id, read_object, traceparent
from app.web.replies import answer, json_reply, stored_reply


async def override_score(request: web.Request) -> web.StreamResponse:
    """A person's score beside the machine's, which counts from now on; answers with the result that counts it."""
    caller, pool = request[ACCESS].caller, request.app[CONTEXT].pool
    assessment_id, question = path_id(request, "assessment_id"), await find_question(request)
    body = validate_body(OverrideBody, await read_object(request))
    override.check_points(question, body.score)
    overridden = await override.override(
        pool, assessment_id, ScoreOverride(question, body.score, body.reason, caller.sub)
    )
    if overridden.changed:
        _tell(request.app, assessment_id, [overridden.notification] if overridden.notification else [])
    return json_reply(overridden.body, headers={"Cache-Control": "private, no-cache"})


async def rescore_assessment(request: web.Request) -> web.StreamResponse:
    """Runs the jobs again, with every essay scored anew; the result stands until the new one replaces it."""
    caller, context = request[ACCESS].caller, request.app[CONTEXT]
    assessment_id = (await lookup.find_assessment(context.pool, path_id(request, "assessment_id"))).id
    value = await read_object(request)
    reason = validate_body(RescoreBody, value).reason
    attempts, origin = context.settings.job_max_attempts, Origin(traceparent(request), request[REQUEST_ID])
    rings: list[JobNotification] = []

    async def work(conn: Connection) -> StoredAnswer:
        rings.extend(await rescore.rescore(conn, caller.sub, assessment_id, reason, attempts, origin))
        record = await assessments.read_status(conn, assessment_id)
        if record is None:
            raise NotFound("there is no such assessment")
        return answer(status.status_of(record).view, 202, links(assessment_id).status)

    stored = await run_idempotently(context.pool, attempt_of(request, caller, value), work)
    if rings:
        _tell(request.app, assessment_id, rings)
    return stored_reply(stored)


async def find_question(request: web.Request) -> Question:
    """The question of an assessment that the path names, in the assessment's version. Raises `NotFound`."""
    ids = path_id(request, "assessment_id"), path_id(request, "question_id")
    return await override.find_question(request.app[CONTEXT].pool, *ids)


def _tell(app: web.Application, assessment_id: UUID, rings: list[JobNotification]) -> None:
    """Wakes who waits for a change of the assessment, and rings off the request's path: the answer does not wait for
    Redis."""
    context = app[CONTEXT]
    context.change_feed.publish(assessment_id)
    if rings:
        app[BACKGROUND].start(lambda: notify(context.job_queue, rings))
