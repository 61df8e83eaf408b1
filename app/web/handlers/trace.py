"""Handler for the trace: everything that led to a result."""

from aiohttp import web

from app.http.app_keys import CONTEXT
from app.http.query import query_integer
from app.services.results import trace
from app.web.handlers.assessments import find_assessment
from app.web.replies import json_reply


async def show_trace(request: web.Request) -> web.StreamResponse:
    """Everything that led to a result: answers, rules, prompts, model calls, search, times, overrides, messages."""
    assessment = await find_assessment(request)
    run = query_integer(request, "run")
    view = await trace.read(request.app[CONTEXT].pool, assessment.id, assessment.status, run)
    return json_reply(view, headers={"Cache-Control": "private, no-store"})
