"""Numbers of many assessments: never of one student."""

from datetime import UTC, datetime

from aiohttp import web

from app.domain.period import BadPeriod, Period, period_of
from app.domain.states import Role
from app.domain.views import model_call_analytics_view, score_analytics_view
from app.repositories import analytics
from app.web.keys import CONTEXT
from app.web.parsing import bad_query, identify, query_text
from app.web.replies import json_reply


async def score_analytics(request: web.Request) -> web.StreamResponse:
    """How the machine's scores are distributed and agree with people's.

    They are of the assessments that were started in the period and are completed.
    """
    track, period = await _asked(request)
    pool = request.app[CONTEXT].pool
    groups = await analytics.score_groups(pool, track, period)
    pairs = await analytics.overridden_scores(pool, track, period)
    return json_reply(score_analytics_view(period, groups, pairs))


async def model_call_analytics(request: web.Request) -> web.StreamResponse:
    """What the calls of models in a period came to, cost and took."""
    track, period = await _asked(request)
    pool = request.app[CONTEXT].pool
    models = await analytics.model_calls(pool, track, period)
    days = await analytics.model_call_days(pool, track, period)
    return json_reply(model_call_analytics_view(period, models, days))


async def _asked(request: web.Request) -> tuple[str | None, Period]:
    """The track and the period that the caller, who may ask for numbers, asks for."""
    (await identify(request)).require(Role.ADVISOR, Role.ADMIN)
    try:
        period = period_of(request.query.get("from"), request.query.get("to"), datetime.now(UTC))
    except BadPeriod as bad:
        bad_query(str(bad))
    return query_text(request, "track"), period
