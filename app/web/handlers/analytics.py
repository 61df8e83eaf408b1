"""Numbers of many assessments: never of one student."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from aiohttp import web

from app.domain.period import InvalidPeriod, Period, parse_period
from app.http.app_keys import CONTEXT
from app.repositories import analytics, feedback
from app.repositories.sql import Pool
from app.schemas import (
    FeedbackLineView,
    feedback_analytics_view,
    feedback_line_view,
    model_call_analytics_view,
    overview_view,
    score_analytics_view,
)
from app.web.exporting import Format, asked_format, export
from app.web.parsing import bad_query, query_text
from app.web.replies import json_reply

# Rows of an export that are read at once.
ROWS = 1000


async def overview(request: web.Request) -> web.StreamResponse:
    """The assessments that were started in a period, at a glance, and the feedback and calls of models of that time."""
    track, period = _asked(request)
    async with request.app[CONTEXT].pool.acquire() as conn:
        view = overview_view(
            period,
            await analytics.overview(conn, track, period),
            await analytics.job_ends(conn, track, period),
            await analytics.score_groups(conn, track, period),
            await feedback.groups(conn, track, period),
            await analytics.model_calls(conn, track, period),
        )
    return json_reply(view)


async def feedback_analytics(request: web.Request) -> web.StreamResponse:
    """What people think of results and recommendations; one by one as CSV or JSON lines."""
    track, period = _asked(request)
    pool, form = request.app[CONTEXT].pool, asked_format(request)
    if form is not Format.JSON:
        return await export(request, form, _feedback_pages(pool, track, period), FeedbackLineView, "feedback")
    view = feedback_analytics_view(period, await feedback.groups(pool, track, period))
    return json_reply(view, headers={"Vary": "Accept"})


async def score_analytics(request: web.Request) -> web.StreamResponse:
    """How the machine's scores are distributed and agree with people's.

    They are of the assessments that were started in the period and are completed.
    """
    track, period = _asked(request)
    pool = request.app[CONTEXT].pool
    groups = await analytics.score_groups(pool, track, period)
    pairs = await analytics.overridden_scores(pool, track, period)
    return json_reply(score_analytics_view(period, groups, pairs))


async def model_call_analytics(request: web.Request) -> web.StreamResponse:
    """What the calls of models in a period came to, cost and took."""
    track, period = _asked(request)
    pool = request.app[CONTEXT].pool
    models = await analytics.model_calls(pool, track, period)
    days = await analytics.model_call_days(pool, track, period)
    return json_reply(model_call_analytics_view(period, models, days))


async def _feedback_pages(pool: Pool, track: str | None, period: Period) -> AsyncIterator[list[FeedbackLineView]]:
    """Each page is a short statement of its own: a slow reader keeps no connection."""
    last = 0
    while found := await feedback.lines(pool, track, period, last, ROWS):
        yield [feedback_line_view(line) for line in found]
        last = found[-1].id


def _asked(request: web.Request) -> tuple[str | None, Period]:
    """The track and the period that the query names."""
    try:
        period = parse_period(request.query.get("from"), request.query.get("to"), datetime.now(UTC))
    except InvalidPeriod as bad:
        bad_query(str(bad))
    return query_text(request, "track"), period
