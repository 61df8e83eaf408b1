"""A worker process: opened like the server, stopped by SIGTERM or SIGINT."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import cast

import structlog
from arq.connections import ArqRedis
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func
from redis.asyncio import Redis

from app.clients import doorbell
from app.clients.embeddings import OfflineEmbedder
from app.context import Context, open_context
from app.domain.states import JobType
from app.services.fuse_run import Fusing
from app.services.pipeline import JobLimits, Pipeline
from app.services.recommend import Recommending
from app.services.score_essays import EssayScoring, Model, Price
from app.settings import Settings
from workers.functions import run_job
from workers.schedules import repeat, schedules

log = structlog.get_logger()

# Jobs mostly wait for the model, and take a connection for milliseconds.
_CONNECTIONS = 16
# arq polls; three stages cost three waits of half this in the middle.
_POLL_SECONDS = 0.05
# Leases end work that hangs, not arq.
_NEVER = 24 * 3600
# A pause between tries while Redis is away.
_REDIS_PAUSE = 0.5


async def work(settings: Settings) -> None:
    """Works until told to stop."""
    async with AsyncExitStack() as stack:
        context = await stack.enter_async_context(open_context(settings, "assay worker", _CONNECTIONS))
        embedder = OfflineEmbedder()
        stack.push_async_callback(embedder.close)
        model = await stack.enter_async_context(_model(settings))
        pipeline = _pipeline(context, embedder, model)
        stop = _stop_signal()
        tasks = [asyncio.create_task(repeat(schedule)) for schedule in schedules(context, embedder)]
        log.info("worker_started", model=model.name if model else None)
        try:
            await _listen(settings, pipeline, stop)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    log.info("worker_stopped")


async def _listen(settings: Settings, pipeline: Pipeline, stop: asyncio.Event) -> None:
    """Takes messages until told to stop; a Redis that goes away ends arq's loop, not the process."""
    stopping = asyncio.create_task(stop.wait())
    while not stop.is_set():
        worker = _arq_worker(settings, pipeline)
        running = asyncio.create_task(worker.async_run())
        await asyncio.wait({stopping, running}, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            await _drain(worker, running, settings.shutdown_timeout)
        else:
            log.warning("redis_away", error=type(running.exception()).__name__)
            await asyncio.sleep(_REDIS_PAUSE)
        await _close(worker)
    await stopping


async def _drain(worker: Worker, running: "asyncio.Task[None]", seconds: float) -> None:
    """Stops taking messages, lets running jobs end, and has those that don't hand themselves back."""
    running.cancel()
    jobs = set(worker.tasks.values())
    if jobs:
        _, late = await asyncio.wait(jobs, timeout=max(0.5, seconds - 2))
        for job in late:
            job.cancel()
    await asyncio.gather(running, *jobs, return_exceptions=True)


async def _close(worker: Worker) -> None:
    try:
        await worker.close()
    except doorbell.REDIS_AWAY:
        log.warning("redis_not_closed")


def _arq_worker(settings: Settings, pipeline: Pipeline) -> Worker:
    redis: Redis = doorbell.connect(settings.secret("redis_url"))
    return Worker(
        functions=[
            func(
                cast(WorkerCoroutine, run_job),
                name=doorbell.RUN_JOB,
                keep_result=0,
                timeout=_NEVER,
                max_tries=1_000_000,
            )
        ],
        redis_pool=ArqRedis(redis.connection_pool, job_serializer=doorbell.encode, job_deserializer=doorbell.decode),
        job_serializer=doorbell.encode,
        job_deserializer=doorbell.decode,
        ctx={"pipeline": pipeline},
        max_jobs=settings.worker_concurrency,
        poll_delay=_POLL_SECONDS,
        handle_signals=False,
        health_check_interval=_NEVER,
    )


def _pipeline(context: Context, embedder: OfflineEmbedder, model: Model | None) -> Pipeline:
    settings = context.settings
    prices = {name: Price(price.input, price.output) for name, price in settings.model_prices.items()}
    return Pipeline(
        context.pool,
        context.doorbell,
        {
            JobType.GPT: EssayScoring(context.pool, model, embedder, settings.essay_fallback, prices),
            JobType.RAG: Recommending(context.pool, embedder),
            JobType.FUSION: Fusing(context.pool),
        },
        JobLimits(settings.job_lease_seconds, settings.job_max_crashes, settings.job_retry_delay),
    )


@asynccontextmanager
async def _model(settings: Settings) -> AsyncIterator[Model | None]:
    if settings.openai_api_key is None:
        yield None
        return
    # Imported here: the SDK takes half a second, and a worker without a key does not need it.
    from app.clients.model import EssayModel

    key = settings.openai_api_key.get_secret_value()
    model = EssayModel(key, settings.openai_base_url, settings.openai_model, settings.openai_timeout)
    try:
        yield model
    finally:
        await model.close()


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
