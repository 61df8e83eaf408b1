"""The whole way of a result, for those who look into it."""

from aiohttp import web

from app.http.app_keys import CONTEXT
from app.services.assessments import lookup
from app.services.results import trace
from app.web.parsing import path_id, query_whole
from app.web.replies import json_reply


async def show_trace(request: web.Request) -> web.StreamResponse:
    """How a result came about: answers, rules, prompts, calls of models, the search, times, overrides, messages."""
    pool = request.app[CONTEXT].pool
    assessment = await lookup.find_assessment(pool, path_id(request, "assessment_id"))
    view = await trace.read(pool, assessment.id, assessment.status, query_whole(request, "run"))
    return json_reply(view, headers={"Cache-Control": "private, no-store"})
