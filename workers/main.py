"""`assay worker`: a process that runs background jobs, webhook deliveries and periodic maintenance."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress

import structlog

from app.clients.llm.embedder import Embedder, EmbeddingUnavailable
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.clients.llm.offline_model import ModelFiles
from app.clients.webhook_sender import WebhookSender
from app.domain.states import JobType
from app.lifecycle import cancel_and_wait
from app.services.essays.llm_calls import PaidModel
from app.services.essays.score_essays import EssayJob
from app.services.jobs.rescore_degraded import DegradedRescorer
from app.services.jobs.runner import JobLimits, JobRunner
from app.services.recommendations.model_advice import ModelAdvice
from app.services.recommendations.recommend import RecommendationJob
from app.services.results.fuse import FusionJob
from app.services.webhooks.deliver import WebhookDelivery
from app.settings import Settings
from app.supervision.service_process import ALONE, ServiceProcess
from app.wiring.context import Context, open_context
from app.wiring.embedder import retrieval_embedder
from app.wiring.models import open_models
from workers.consumers import consume_queues
from workers.schedules import repeat, schedules

log = structlog.get_logger()

# Long enough for a burst of jobs that end together; a heartbeat has a shorter limit of its own.
_ACQUIRE_SECONDS = 10.0


async def work(settings: Settings, stop: asyncio.Event, process: ServiceProcess = ALONE) -> None:
    """Works until `stop` is set, alone or as one of several processes.

    Raises:
        WrongSetting: a setting that a worker needs is missing.
        ChangedFile: the offline model is not the one that was installed.
    """
    # Without the model a worker goes on with less; with another one its results would not be ours.
    with suppress(EmbeddingUnavailable):
        await asyncio.to_thread(ModelFiles.installed)
    async with AsyncExitStack() as stack:
        name = process.session_name("worker")
        context = await stack.enter_async_context(open_context(settings, name, _ACQUIRE_SECONDS))
        offline = OfflineEmbedder()
        stack.push_async_callback(offline.close)
        embedder = await stack.enter_async_context(
            retrieval_embedder(settings, offline, context.pool, context.job_queue.redis)
        )
        models = await stack.enter_async_context(open_models(context))
        sender = webhook_sender(settings)
        stack.push_async_callback(sender.close)
        delivery = WebhookDelivery(
            context.pool,
            sender,
            settings.webhook_retry_delays,
            settings.webhook_timeout,
            settings.public_url,
            context.secret_cipher,
        )
        runner = _job_runner(context, offline, embedder, models)
        tasks = [
            asyncio.create_task(repeat(schedule))
            for schedule in schedules(context, embedder, _rescorer(context, models))
        ]
        process.announce("worker_started", models=[paid.model.name for paid in models], embeddings=embedder.name)
        try:
            await consume_queues(settings, context.pool, runner, delivery, stop)
        finally:
            await cancel_and_wait(*tasks)
    log.info("worker_stopped")


def webhook_sender(settings: Settings) -> WebhookSender:
    """Sends webhook messages to the addresses that the settings allow."""
    return WebhookSender(
        seconds=settings.webhook_timeout,
        allow_http=settings.webhook_allow_http,
        allowed=settings.webhook_networks,
    )


def _job_runner(
    context: Context, offline: OfflineEmbedder, embedder: Embedder, models: Sequence[PaidModel]
) -> JobRunner:
    """`offline` serves the local estimate of essays, which needs the vectors of single tokens; `embedder` serves the
    search."""
    settings = context.settings
    first, second = (*models, None, None)[:2]
    if settings.recommend_with_model and first is None:
        log.warning("recommend_with_model_has_no_effect", reason="OPENAI_API_KEY is not set")
    advice = ModelAdvice(first) if first and settings.recommend_with_model else None
    publish = context.change_feed.publish
    return JobRunner(
        context.pool,
        context.job_queue,
        {
            JobType.GPT: EssayJob(context.pool, first, second, offline, settings.essay_fallback, publish),
            JobType.RAG: RecommendationJob(context.pool, embedder, advice),
            JobType.FUSION: FusionJob(context.pool, settings.review_below_confidence),
        },
        JobLimits(settings.job_lease_seconds, settings.job_max_crashes, settings.job_retry_delay),
        publish,
    )


def _rescorer(context: Context, models: Sequence[PaidModel]) -> DegradedRescorer | None:
    settings = context.settings
    if not models or not settings.rescore_degraded:
        return None
    first, second = models[0], models[1] if len(models) > 1 else None
    return DegradedRescorer(
        context.pool,
        context.job_queue,
        first,
        second,
        settings.rescore_interval,
        settings.rescore_max_age,
        settings.job_max_attempts,
        context.change_feed.publish,
    )
