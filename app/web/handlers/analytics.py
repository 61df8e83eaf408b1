"""Handlers for analytics: statistics of many assessments, never of one student."""

from aiohttp import web

from app.http.app_keys import READ_POOLS
from app.http.exports import Format, requested_format, send_file
from app.http.query import query_period, query_text
from app.schemas import FeedbackRecordView
from app.services import analytics
from app.web.replies import json_reply


async def overview(request: web.Request) -> web.StreamResponse:
    """The assessments that were started in a period, with the feedback and the model calls of the period."""
    period, track = query_period(request), query_text(request, "track")
    reads = request.app[READ_POOLS]
    return json_reply(await reads.read(lambda pool: analytics.summarize_assessments(pool, track, period)))


async def feedback_analytics(request: web.Request) -> web.StreamResponse:
    """The ratings of results and recommendations, counted; as CSV or JSON lines, every single rating."""
    period, track, reads = query_period(request), query_text(request, "track"), request.app[READ_POOLS]
    file_format = requested_format(request)
    if file_format is not Format.JSON:
        pages = analytics.list_feedback(reads.pool, track, period)
        return await send_file(request, file_format, pages, FeedbackRecordView, "feedback")
    view = await reads.read(lambda pool: analytics.summarize_feedback(pool, track, period))
    return json_reply(view, headers={"Vary": "Accept"})


async def score_analytics(request: web.Request) -> web.StreamResponse:
    """The distribution of scores by who gave them, and how the machine's agree with people's.

    They are of the completed assessments that were started in the period.
    """
    period, track = query_period(request), query_text(request, "track")
    reads = request.app[READ_POOLS]
    return json_reply(await reads.read(lambda pool: analytics.summarize_scores(pool, track, period)))


async def model_call_analytics(request: web.Request) -> web.StreamResponse:
    """The number, cost and duration of the model calls in a period."""
    period, track = query_period(request), query_text(request, "track")
    reads = request.app[READ_POOLS]
    return json_reply(await reads.read(lambda pool: analytics.summarize_model_calls(pool, track, period)))
