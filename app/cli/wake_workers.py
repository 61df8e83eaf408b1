"""Notifies workers after a command has queued jobs or deliveries."""

from collections.abc import Sequence

from app.cli.console import print_error
from app.clients.redis.job_queue import REDIS_UNAVAILABLE, JobQueue
from app.domain.job.notification import JobNotification
from app.settings import Settings
from app.wiring.context import connect_redis


async def wake_workers(settings: Settings, notifications: Sequence[JobNotification]) -> None:
    """Notifies workers of due jobs. Without REDIS_URL, or while Redis is unavailable, they find the rows a little
    later."""
    if not notifications or settings.redis_url is None:
        return
    redis = connect_redis(settings)
    try:
        await JobQueue(redis).notify(notifications)
    except REDIS_UNAVAILABLE as error:
        print_error(f"REDIS_URL: {error}; workers will find the due jobs themselves once Redis is available")
    finally:
        await redis.aclose()
