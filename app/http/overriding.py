"""Storing a person's score, and telling those who wait for the changed result."""

from uuid import UUID

from aiohttp import web

from app.http.app_keys import CONTEXT
from app.http.notifications import notify_workers, publish_change
from app.services.results import override
from app.services.results.override import OverriddenResult, Review


async def store_review(app: web.Application, assessment_id: UUID, review: Review) -> OverriddenResult:
    """Stores a person's score or confirmation (`override.override`), and tells waiting clients and the webhook."""
    context = app[CONTEXT]
    overridden = await override.override(context.pool, assessment_id, review, context.settings.review_below_confidence)
    if overridden.changed:
        publish_change(app, assessment_id)
        notify_workers(app, [overridden.notification] if overridden.notification else [])
    return overridden
