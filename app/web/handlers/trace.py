"""The whole way of a result, for those who look into it."""

from aiohttp import web

from app.domain.states import Role
from app.http.keys import CONTEXT
from app.services.assessments import responses
from app.services.results import trace
from app.web.parsing import identify, path_id, query_whole
from app.web.replies import json_reply


async def show_trace(request: web.Request) -> web.StreamResponse:
    """How a result came about: answers, rules, prompts, calls of models, the search, times, overrides, messages."""
    caller, pool = await identify(request), request.app[CONTEXT].pool
    assessment = await responses.find(pool, path_id(request, "assessment_id"))
    caller.require(Role.ADVISOR, Role.ADMIN)
    view = await trace.read(pool, assessment.id, assessment.status, query_whole(request, "run"))
    return json_reply(view, headers={"Cache-Control": "private, no-store"})
