"""A worker process, opened like the server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from app.clients.embeddings import OfflineEmbedder
from app.clients.webhook_sender import WebhookSender
from app.context import Context, open_context
from app.domain.states import JobType
from app.ending import end
from app.services.deliver import Delivering
from app.services.fuse_run import Fusing
from app.services.pipeline import JobLimits, Pipeline
from app.services.recommend import Recommending
from app.services.score_essays import EssayScoring, Model, Price
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
        model = await stack.enter_async_context(_model(settings))
        sender = webhook_sender(settings)
        stack.push_async_callback(sender.close)
        delivering = Delivering(context.pool, sender, settings.webhook_retry_delays, settings.webhook_timeout)
        pipeline = _pipeline(context, embedder, model)
        tasks = [asyncio.create_task(repeat(schedule)) for schedule in schedules(context, embedder)]
        log.info("worker_started", model=model.name if model else None)
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


def _pipeline(context: Context, embedder: OfflineEmbedder, model: Model | None) -> Pipeline:
    settings = context.settings
    prices = {name: Price(price.input, price.output) for name, price in settings.model_prices.items()}
    return Pipeline(
        context.pool,
        context.doorbell,
        {
            JobType.GPT: EssayScoring(
                context.pool, model, embedder, settings.essay_fallback, prices, context.changes.announce
            ),
            JobType.RAG: Recommending(context.pool, embedder),
            JobType.FUSION: Fusing(context.pool),
        },
        JobLimits(settings.job_lease_seconds, settings.job_max_crashes, settings.job_retry_delay),
        context.changes.announce,
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
