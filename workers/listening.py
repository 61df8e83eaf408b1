"""Taking messages of all queues until the process is told to stop."""

import asyncio
from typing import Any

import structlog
from arq.connections import ArqRedis

from app.clients.redis import job_queue
from app.domain.states import WEBHOOKS, JobType
from app.lifecycle import end
from app.services.jobs.runner import JobRunner
from app.services.webhooks.deliver import WebhookDelivery
from app.settings import Settings
from workers.queue_worker import QueueWorker

log = structlog.get_logger()

# Short jobs, beside the essays', which mostly wait for a model: enough to keep Postgres busy. More would only take jobs
# from other workers that could start them.
_QUICK_SLOTS = 16
# Messages of webhooks mostly wait for their receivers.
_WEBHOOK_SLOTS = 64
# Kept of the time to stop: what is cancelled hands itself back, and the connections close.
_LAST_SECONDS = 2.0
# What a job that was cancelled may take for that.
_HAND_BACK_SECONDS = 1.5


async def listen(settings: Settings, pipeline: JobRunner, delivering: WebhookDelivery, stop: asyncio.Event) -> None:
    """Takes messages until told to stop, then lets short work end and has the rest handed back."""
    redis = job_queue.connect(settings.secret("redis_url"))
    pool = ArqRedis(redis.connection_pool, job_serializer=job_queue.encode, job_deserializer=job_queue.decode)
    slots = {JobType.GPT: settings.worker_concurrency}
    workers = [
        QueueWorker(pool, job_queue.queue_key(job_type), slots.get(job_type, _QUICK_SLOTS), pipeline.run)
        for job_type in JobType
    ]
    workers.append(QueueWorker(pool, job_queue.queue_key(WEBHOOKS), _WEBHOOK_SLOTS, delivering.run))
    listening = [asyncio.create_task(worker.async_run()) for worker in workers]
    stopping = asyncio.create_task(stop.wait())
    try:
        # A listener ends by a fault of ours alone. A process that only seems to listen would be worse than none.
        await asyncio.wait({stopping, *listening}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await asyncio.gather(*(worker.stop_taking() for worker in workers))
        await end(stopping, *listening)
        await _drain({job for worker in workers for job in worker.tasks.values()}, settings.shutdown_timeout)
        await redis.connection_pool.disconnect()
    for task in listening:
        if not task.cancelled():
            task.result()


async def _drain(jobs: set[asyncio.Task[Any]], seconds: float) -> None:
    """Lets running jobs end, and has those that don't hand themselves back."""
    late = await _unfinished(jobs, max(0.0, seconds - _LAST_SECONDS))
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
