"""Maintenance that every worker does, any number of them at once: notifications for jobs that no worker has taken, and
the end of overdue assessments and idempotency keys."""

from app.clients.redis.job_queue import JobQueue
from app.domain.states import WEBHOOKS, JobType
from app.repositories import assessments, idempotency, jobs, scores, webhooks
from app.repositories.results import reviews
from app.repositories.sql import Pool

# Seconds after which a job that no worker has taken is notified again.
NOTIFICATION_GRACE_SECONDS = 2.0
# A queue with so many messages keeps its workers busy: nothing is notified again, which would not make them faster.
# What was never notified, such as a retry whose time has come, takes its turn among the messages all the same.
ENOUGH_MESSAGES = 200
_BATCH = 500


async def relay(pool: Pool, job_queue: JobQueue) -> int:
    """Notifies workers of due jobs and webhook deliveries that no worker works on; returns how many.

    That happens if a process stopped between its commit and its notification, if Redis was unavailable or lost its
    messages, if a worker died, or when the time of a retry has come. Redis is asked first, so that no job is marked as
    notified while it is unavailable.

    Raises:
        RedisError, OSError, TimeoutError: Redis or Postgres is unavailable.
    """
    lengths = await job_queue.queue_lengths()
    short = {queue for queue, messages in lengths.items() if messages < ENOUGH_MESSAGES}
    unclaimed = await jobs.take_unclaimed(
        pool, [job_type for job_type in JobType if job_type in short], NOTIFICATION_GRACE_SECONDS, _BATCH
    )
    if WEBHOOKS in short:
        unclaimed += await webhooks.take_unclaimed(pool, NOTIFICATION_GRACE_SECONDS, _BATCH)
    if unclaimed:
        await job_queue.notify(unclaimed)
    return len(unclaimed)


async def expire_overdue(pool: Pool) -> int:
    """Ends a batch of assessments whose time is over; returns how many."""
    return await assessments.expire_overdue(pool, _BATCH)


async def delete_expired_keys(pool: Pool) -> int:
    """Deletes a batch of idempotency keys whose time is over; returns how many."""
    return await idempotency.delete_expired(pool, _BATCH)


async def delete_expired_reservations(pool: Pool) -> int:
    """Deletes a batch of reservations of reviews whose time is over; returns how many."""
    return await reviews.delete_expired(pool, _BATCH)


async def delete_old_shares(pool: Pool) -> int:
    """Deletes a batch of what students' essays have cost on former days; returns how many."""
    return await scores.delete_old_shares(pool, _BATCH)
