"""Runs the jobs and webhook deliveries of all queues until the process is told to stop."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

import structlog
from arq.connections import ArqRedis

from app.clients.redis import job_queue
from app.domain.records.workers import QueueLoad
from app.domain.states import QUEUES, WEBHOOKS, JobType
from app.lifecycle import cancel_and_wait
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool
from app.services import worker_presence
from app.services.jobs.runner import JobRunner
from app.services.webhooks.deliver import WebhookDelivery
from app.settings import Settings
from app.wiring.context import connect_redis
from workers.queue_worker import QueueWorker
from workers.schedules import Schedule, repeat

log = structlog.get_logger()

# Jobs other than essays are short: this many keep Postgres busy, and more would only take jobs from other workers that
# could start them at once.
_SHORT_JOB_SLOTS = 16
# Deliveries mostly wait for their receivers.
_WEBHOOK_SLOTS = 256
# Kept from the time to stop: for cancelled jobs, which hand themselves back, and for closing connections.
_RESERVED_SECONDS = 2.0
_HAND_BACK_SECONDS = 1.5
_GOODBYE_SECONDS = 0.5


async def consume_queues(
    settings: Settings, pool: Pool, runner: JobRunner, delivery: WebhookDelivery, stop: asyncio.Event
) -> None:
    """Takes messages until `stop` is set, then waits for running jobs and has the late ones handed back. Says meanwhile
    that this worker is alive."""
    redis = connect_redis(settings)
    messages = ArqRedis(redis.connection_pool, job_serializer=job_queue.encode, job_deserializer=job_queue.decode)
    slots = {JobType.GPT: settings.worker_concurrency}
    if settings.recommend_with_model:
        # Searches wait for the model then, as essays do.
        slots[JobType.RAG] = settings.worker_concurrency
    workers = [
        QueueWorker(messages, job_queue.queue_key(job_type), slots.get(job_type, _SHORT_JOB_SLOTS), runner.run)
        for job_type in JobType
    ]
    workers.append(QueueWorker(messages, job_queue.queue_key(WEBHOOKS), _WEBHOOK_SLOTS, delivery.run))
    consumers = [asyncio.create_task(worker.async_run()) for worker in workers]
    stopping = asyncio.create_task(stop.wait())
    presence = asyncio.create_task(_say_alive(pool, workers))
    try:
        # A consumer ends only by a bug of ours. Then the process ends, too: one that only seems to work is worse.
        await asyncio.wait({stopping, *consumers}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await asyncio.gather(*(worker.stop_taking() for worker in workers))
        await cancel_and_wait(stopping, *consumers)
        await _drain({job for worker in workers for job in worker.tasks.values()}, settings.shutdown_timeout)
        await cancel_and_wait(presence)
        await redis.connection_pool.disconnect()
    for consumer in consumers:
        if not consumer.cancelled():
            consumer.result()


async def _say_alive(pool: Pool, workers: Sequence[QueueWorker]) -> None:
    """Says until it is cancelled how many jobs run, and then that this worker is gone."""
    worker_id = uuid4()

    async def report() -> int:
        load = {
            queue: QueueLoad(running=len(worker.tasks), slots=worker.max_jobs)
            for queue, worker in zip(QUEUES, workers, strict=True)
        }
        return await worker_presence.report(pool, worker_id, load)

    try:
        await repeat(Schedule("worker_presence", worker_presence.REPORT_SECONDS, report))
    finally:
        # Who cannot say it in time is forgotten a little later.
        with suppress(*DATABASE_UNAVAILABLE):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await worker_presence.leave(pool, worker_id)


async def _drain(jobs: set[asyncio.Task[Any]], seconds: float) -> None:
    """Waits for running jobs and cancels those that are late, so that they hand themselves back."""
    late = await _unfinished(jobs, max(0.0, seconds - _RESERVED_SECONDS))
    for job in late:
        job.cancel()
    stuck = await _unfinished(late, _HAND_BACK_SECONDS)
    log.info("drained", jobs=len(jobs), handed_back=len(late) - len(stuck), stuck=len(stuck))


async def _unfinished(jobs: set[asyncio.Task[Any]], seconds: float) -> set[asyncio.Task[Any]]:
    """The jobs that have not ended in time."""
    if not jobs:
        return set()
    ended, late = await asyncio.wait(jobs, timeout=seconds)
    await asyncio.gather(*ended, return_exceptions=True)
    return late
