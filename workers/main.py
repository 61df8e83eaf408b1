"""A worker process, opened like the server."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from app.clients.embeddings import OfflineEmbedder
from app.clients.webhook_sender import WebhookSender
from app.context import Context, open_context
from app.domain.states import JobType
from app.ending import end
from app.services.ask_model import Asking, Price
from app.services.deliver import Delivering
from app.services.fuse_run import Fusing
from app.services.heal import Healing
from app.services.pipeline import JobLimits, Pipeline
from app.services.recommend import Recommending
from app.services.score_essays import EssayScoring
from app.settings import Settings
from workers.listening import listen
from workers.schedules import repeat, schedules

log = structlog.get_logger()

# Jobs mostly wait for the model, and take a connection for milliseconds.
_CONNECTIONS = 16
# Long enough for a burst of jobs that end together; a heartbeat has a shorter limit of its own.
_ACQUIRE_SECONDS = 10.0


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Works until told to stop."""
    async with AsyncExitStack() as stack:
        context = await stack.enter_async_context(
            open_context(settings, "assay worker", _CONNECTIONS, _ACQUIRE_SECONDS)
        )
        embedder = OfflineEmbedder()
        stack.push_async_callback(embedder.close)
        models = await stack.enter_async_context(_models(context))
        sender = webhook_sender(settings)
        stack.push_async_callback(sender.close)
        delivering = Delivering(context.pool, sender, settings.webhook_retry_delays, settings.webhook_timeout)
        pipeline = _pipeline(context, embedder, models)
        tasks = [
            asyncio.create_task(repeat(schedule))
            for schedule in schedules(context, embedder, _healing(context, models))
        ]
        log.info("worker_started", models=[asking.model.name for asking in models])
        try:
            await listen(settings, pipeline, delivering, stop)
        finally:
            await end(*tasks)
    log.info("worker_stopped")


def webhook_sender(settings: Settings) -> WebhookSender:
    """Sends webhooks' messages where the settings allow."""
    return WebhookSender(
        seconds=settings.webhook_timeout,
        allow_http=settings.webhook_allow_http,
        allowed=settings.webhook_networks,
    )


def _pipeline(context: Context, embedder: OfflineEmbedder, models: Sequence[Asking]) -> Pipeline:
    settings = context.settings
    first, second = (*models, None, None)[:2]
    announce = context.changes.announce
    return Pipeline(
        context.pool,
        context.doorbell,
        {
            JobType.GPT: EssayScoring(context.pool, first, second, embedder, settings.essay_fallback, announce),
            JobType.RAG: Recommending(context.pool, embedder),
            JobType.FUSION: Fusing(context.pool),
        },
        JobLimits(settings.job_lease_seconds, settings.job_max_crashes, settings.job_retry_delay),
        announce,
    )


def _healing(context: Context, models: Sequence[Asking]) -> Healing | None:
    settings = context.settings
    if not models or not settings.rescore_degraded:
        return None
    first, second = models[0], models[1] if len(models) > 1 else None
    return Healing(
        context.pool,
        context.doorbell,
        first,
        second,
        settings.rescore_interval,
        settings.rescore_max_age,
        settings.job_max_attempts,
        context.changes.announce,
    )


@asynccontextmanager
async def _models(context: Context) -> AsyncIterator[tuple[Asking, ...]]:
    """The model that scores, and the one that gives a second opinion; none without a key."""
    settings = context.settings
    if settings.openai_api_key is None:
        yield ()
        return
    # Imported here: the SDK takes half a second, and a worker without a key does not need it.
    from app.clients.model import EssayModel
    from app.clients.model_gate import ModelGate, gate_name

    key = settings.openai_api_key.get_secret_value()
    async with AsyncExitStack() as stack:
        asking = []
        for name in settings.models:
            place, seconds = gate_name(settings.openai_base_url, name), settings.openai_timeout
            gate = ModelGate(context.doorbell.redis, place, seconds)
            stack.push_async_callback(gate.close)
            model = EssayModel(key, settings.openai_base_url, name, seconds, gate)
            stack.push_async_callback(model.close)
            price = settings.model_prices.get(name)
            known = Price(price.input, price.output) if price else None
            asking.append(Asking(context.pool, model, known, settings.model_budget_usd))
        yield tuple(asking)
