"""What people think of a result and its recommendations."""

from aiohttp import web

from app.domain.checking import checked
from app.domain.records.assessments import StoredAnswer
from app.domain.records.feedback import NewFeedback
from app.http.keys import CONTEXT
from app.repositories.sql import Connection
from app.schemas import feedback_view
from app.schemas.requests import FeedbackBody
from app.services.assessments import responses
from app.services.idempotency import run_idempotently
from app.services.results import feedback
from app.web.parsing import attempt_of, identify, path_id, read_object
from app.web.replies import answer, stored_reply


async def give_feedback(request: web.Request) -> web.StreamResponse:
    """Rates a result as a whole, or one of its recommendations; a person's next rating replaces the one before."""
    caller, pool = await identify(request), request.app[CONTEXT].pool
    assessment = await responses.find(pool, path_id(request, "assessment_id"))
    caller.require_reader(assessment.owner)
    value = await read_object(request)
    body = checked(FeedbackBody, value)
    told = (body.relevance, body.acceptance, body.comment or None)
    new = NewFeedback(assessment.id, body.credential_id, caller.sub, *told)

    async def work(conn: Connection) -> StoredAnswer:
        return answer(feedback_view(new, await feedback.give(conn, new)), 201)

    return stored_reply(await run_idempotently(pool, attempt_of(request, caller, value), work))
