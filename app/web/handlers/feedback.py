"""Handler for feedback: ratings of a result and of its recommendations."""

from aiohttp import web

from app.domain.body_validation import validate_body
from app.domain.idempotency import StoredReply
from app.domain.records.feedback import NewFeedback
from app.http.app_keys import ACCESS, CONTEXT
from app.repositories.sql import Connection
from app.schemas import feedback_view
from app.schemas.requests import FeedbackBody
from app.services.idempotency import run_idempotently
from app.services.results import feedback
from app.web.handlers.assessments import find_permitted_assessment
from app.web.replies import storable_answer, stored_reply
from app.web.request_parsing import idempotent_request, read_object


async def give_feedback(request: web.Request) -> web.StreamResponse:
    """Rates a result as a whole, or one of its recommendations; a later rating by the same person replaces it."""
    assessment = await find_permitted_assessment(request)
    payload = await read_object(request)
    body = validate_body(FeedbackBody, payload)
    new = NewFeedback(
        assessment_id=assessment.id,
        credential_id=body.credential_id,
        author=request[ACCESS].caller.principal,
        relevance=body.relevance,
        acceptance=body.acceptance,
        comment=body.comment or None,
    )

    async def rate(conn: Connection) -> StoredReply:
        given_at = await feedback.rate(conn, new, request[ACCESS].audited_actor)
        return storable_answer(feedback_view(new, given_at), 201)

    answer = await run_idempotently(request.app[CONTEXT].pool, idempotent_request(request, payload), rate)
    return stored_reply(answer)
