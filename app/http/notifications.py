"""Telling others of a committed change: clients that wait for it, and workers that have something to do."""

from collections.abc import Sequence
from uuid import UUID

from aiohttp import web

from app.domain.job.notification import JobNotification
from app.http.app_keys import CONTEXT, WORKER_NOTIFIER


def publish_change(app: web.Application, assessment_id: UUID) -> None:
    """Wakes the clients of all servers that wait for a change of the assessment."""
    app[CONTEXT].change_feed.publish(assessment_id)


def notify_workers(app: web.Application, notifications: Sequence[JobNotification]) -> None:
    """Notifies the workers of due jobs in the background: the answer to the request does not wait for Redis."""
    app[WORKER_NOTIFIER].notify(notifications)
