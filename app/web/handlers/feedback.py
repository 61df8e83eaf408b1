"""What people think of a result and its recommendations."""

from aiohttp import web

from app.domain.body_validation import validate_body
from app.domain.records.assessments import StoredAnswer
from app.domain.records.feedback import NewFeedback
from app.http.app_keys import ACCESS, CONTEXT
from app.repositories.sql import Connection
from app.schemas import feedback_view
from app.schemas.requests import FeedbackBody
from app.services.assessments import lookup
from app.services.idempotency import run_idempotently
from app.services.results import feedback
from app.web.parsing import attempt_of, path_id, read_object
from app.web.replies import answer, stored_reply


async def give_feedback(request: web.Request) -> web.StreamResponse:
    """Rates a result as a whole, or one of its recommendations; a person's next rating replaces the one before."""
    access, pool = request[ACCESS], request.app[CONTEXT].pool
    assessment = await lookup.find_permitted_assessment(pool, path_id(request, "assessment_id"), access)
    value = await read_object(request)
    body = validate_body(FeedbackBody, value)
    told = (body.relevance, body.acceptance, body.comment or None)
    new = NewFeedback(assessment.id, body.credential_id, access.caller.sub, *told)

    async def work(conn: Connection) -> StoredAnswer:
        return answer(feedback_view(new, await feedback.rate(conn, new)), 201)

    return stored_reply(await run_idempotently(pool, attempt_of(request, access.caller, value), work))
