"""Taking messages with arq, whatever becomes of Redis, until the process is told to stop."""

import asyncio
from typing import Any, cast

import structlog
from arq.connections import ArqRedis
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func

from app.clients import doorbell
from app.services.pipeline import Pipeline
from app.settings import Settings
from workers.functions import run_job

log = structlog.get_logger()

# arq polls; three stages cost three waits of half this in the middle.
_POLL_SECONDS = 0.05
# Leases end work that hangs, not arq.
_NEVER = 24 * 3600
# A pause between tries while Redis is away.
_REDIS_PAUSE = 0.5
# Kept of the time to stop: what is cancelled hands itself back, and the connections close.
_LAST_SECONDS = 2.0
# What a job that was cancelled may take for that.
_HAND_BACK_SECONDS = 1.5


async def listen(settings: Settings, pipeline: Pipeline, stop: asyncio.Event) -> None:
    """Takes messages until told to stop; a Redis that goes away ends arq's loop, neither the process nor its jobs."""
    redis = doorbell.connect(settings.secret("redis_url"))
    pool = ArqRedis(redis.connection_pool, job_serializer=doorbell.encode, job_deserializer=doorbell.decode)
    stopping = asyncio.create_task(stop.wait())
    jobs: set[asyncio.Task[Any]] = set()
    while not stop.is_set():
        worker = _arq_worker(pool, pipeline, settings.worker_concurrency)
        listening = asyncio.create_task(worker.async_run())
        await asyncio.wait({stopping, listening}, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            # Cut off between arq's mark on a message and the job's start, the message would be dead to all workers.
            worker.allow_pick_jobs = False
            await asyncio.wait({listening}, timeout=4 * _POLL_SECONDS)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        jobs = await _unfinished(jobs | set(worker.tasks.values()), 0)
        if not stop.is_set():
            log.warning("listening_interrupted", error=repr(listening.exception()))
            await asyncio.wait({stopping}, timeout=_REDIS_PAUSE)
    await _drain(jobs, settings.shutdown_timeout)
    await redis.connection_pool.disconnect()


async def _drain(jobs: set[asyncio.Task[Any]], seconds: float) -> None:
    """Lets running jobs end, and has those that don't hand themselves back."""
    late = await _unfinished(jobs, max(0.0, seconds - _LAST_SECONDS))
    for job in late:
        job.cancel()
    stuck = await _unfinished(late, _HAND_BACK_SECONDS)
    log.info("drained", jobs=len(jobs), handed_back=len(late) - len(stuck), stuck=len(stuck))


async def _unfinished(jobs: set[asyncio.Task[Any]], seconds: float) -> set[asyncio.Task[Any]]:
    """The jobs that have not ended in time; what the others raised is for arq's log, not for ours."""
    if not jobs:
        return set()
    ended, late = await asyncio.wait(jobs, timeout=seconds)
    await asyncio.gather(*ended, return_exceptions=True)
    return late


def _arq_worker(redis: ArqRedis, pipeline: Pipeline, concurrency: int) -> Worker:
    job = func(cast(WorkerCoroutine, run_job), name=doorbell.RUN_JOB, timeout=_NEVER, max_tries=1_000_000)
    return Worker(
        functions=[job],
        redis_pool=redis,
        job_serializer=doorbell.encode,
        job_deserializer=doorbell.decode,
        ctx={"pipeline": pipeline},
        max_jobs=concurrency,
        keep_result=0,
        poll_delay=_POLL_SECONDS,
        handle_signals=False,
        health_check_interval=_NEVER,
    )
