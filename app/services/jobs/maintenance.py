"""Upkeep that every worker does, safe in all of them at once: rings that nobody heard, time that is over, vectors
that are missing."""

from app.clients.redis.job_queue import JobQueue
from app.domain.states import WEBHOOKS, JobType
from app.repositories import assessments, idempotency, jobs, webhooks
from app.repositories.sql import Pool

# Seconds that a ring is trusted: what is due and waits longer is rung for again.
RING_PATIENCE = 2.0
# While so many messages of a type wait, its workers have enough to do, and more messages would not make them faster.
ENOUGH = 200
_BATCH = 500


async def relay(pool: Pool, doorbell: JobQueue) -> int:
    """Rings for jobs and webhooks' messages that someone should be at and nobody is; returns how many.

    Whoever made them due may have died before it rang, Redis may have been away or have lost its messages, a worker may
    have died with its job, or the time of another try has come. Redis is asked first: while it is away, nothing is
    noted as rung for.

    Raises:
        RedisError, OSError, TimeoutError: Redis or Postgres is away.
    """
    waiting = await doorbell.queue_lengths()
    hungry = {queue for queue, messages in waiting.items() if messages < ENOUGH}
    job_types = [job_type for job_type in JobType if job_type in hungry]
    unheard = await jobs.take_unheard(pool, job_types, RING_PATIENCE, _BATCH)
    if WEBHOOKS in hungry:
        unheard += await webhooks.take_unheard(pool, RING_PATIENCE, _BATCH)
    if unheard:
        await doorbell.notify(unheard)
    return len(unheard)


async def expire_overdue(pool: Pool) -> int:
    """Ends a batch of assessments whose time is over; returns how many."""
    return await assessments.expire_overdue(pool, _BATCH)


async def forget_keys(pool: Pool) -> int:
    """Removes a batch of idempotency keys whose time is over; returns how many."""
    return await idempotency.delete_expired(pool, _BATCH)
