"""Notifies workers in the background."""

import asyncio
from collections.abc import Sequence

import structlog

from app.clients.redis.job_queue import JobQueue
from app.domain.job.notification import JobNotification
from app.services.jobs.runner import notify

log = structlog.get_logger()

# Notifications that may wait for Redis, and those that are sent together. More are dropped; the workers' relay makes up
# for them.
_MAX_WAITING = 10_000
_MAX_TOGETHER = 500


class WorkerNotifier:
    """Notifies workers of due jobs while requests go on. What becomes due while Redis is answering is sent together."""

    def __init__(self, job_queue: JobQueue) -> None:
        self._job_queue = job_queue
        self._waiting: list[JobNotification] = []
        self._sending: asyncio.Task[None] | None = None

    def notify(self, notifications: Sequence[JobNotification]) -> None:
        """Sends these as soon as possible, or drops them if too many wait already."""
        if len(self._waiting) + len(notifications) > _MAX_WAITING:
            log.warning("notifications_dropped", count=len(notifications))
            return
        self._waiting += notifications
        if self._waiting and self._sending is None:
            self._sending = asyncio.create_task(self._send())

    async def finish(self, seconds: float) -> None:
        """Waits until everything is sent; gives up after this time."""
        if self._sending is not None:
            await asyncio.wait([self._sending], timeout=seconds)
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def _send(self) -> None:
        try:
            while self._waiting:
                together, self._waiting = self._waiting[:_MAX_TOGETHER], self._waiting[_MAX_TOGETHER:]
                await notify(self._job_queue, together)
        except Exception:
            log.exception("notifying_failed")
        finally:
            self._sending = None
