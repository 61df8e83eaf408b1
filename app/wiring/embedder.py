"""The embedder of the search by meaning, as the settings choose it."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from redis.asyncio import Redis

from app.clients.llm.embeddings_local import Embedder, OfflineEmbedder
from app.repositories.sql import Pool
from app.settings import Settings

log = structlog.get_logger()

# Seconds for one request at most. Providers answer in a fraction of one, and full text is better than a long wait.
_REQUEST_SECONDS = 5.0
# Seconds in which another try may begin. Passages are held meanwhile, and whoever changes them waits at most 10 s.
_PATIENCE = 4.0
# With a catalogue that nobody else sees. After 60 s of silence Postgres ends a transaction.
_PATIENCE_ALONE = 45.0
# Beyond so many a text of a hundred tokens gains nothing.
_CORES = 4


@asynccontextmanager
async def retrieval_embedder(
    settings: Settings, offline: OfflineEmbedder | None = None, pool: "Pool | None" = None, redis: Redis | None = None
) -> AsyncIterator[Embedder]:
    """The endpoint's model where EMBEDDING_MODEL and a key are set, else the offline one: the given one, or one of its
    own. With a `pool` each request is put down in the database, on a connection beside the caller's; with `redis`, as
    in a worker, requests keep to the provider's limits together with all other workers'."""
    async with AsyncExitStack() as stack:
        if settings.embedding_model is not None and settings.openai_api_key is not None:
            embedder = _bought(settings, settings.embedding_model, stack, pool, redis)
        else:
            if settings.embedding_model is not None:
                log.warning("embedding_model_has_no_effect", reason="OPENAI_API_KEY is not set")
            # Its own is that of a command, which has nothing else to do: two cores embed a half more than one.
            embedder = offline or OfflineEmbedder(cores=min(_CORES, os.cpu_count() or 1))
        if embedder is not offline:
            stack.push_async_callback(embedder.close)
        yield embedder


def _bought(settings: Settings, name: str, stack: AsyncExitStack, pool: "Pool | None", redis: Redis | None) -> Embedder:
    # Imported here: the SDK takes half a second, and who embeds offline does not need it.
    from app.clients.llm.embeddings_api import EmbeddingModel
    from app.clients.llm.gate import ModelGate, gate_name
    from app.services.model_account import ModelAccount, TokenPrice
    from app.services.recommendations.embedding_calls import BoughtEmbedder

    seconds, gate = min(settings.openai_timeout, _REQUEST_SECONDS), None
    if redis is not None:
        gate = ModelGate(redis, gate_name(settings.openai_base_url, name), seconds)
        stack.push_async_callback(gate.close)
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
    model = EmbeddingModel(key, settings.openai_base_url, name, seconds, gate)
    price = settings.model_prices.get(name)
    known = TokenPrice(price.input, price.output) if price else None
    account = ModelAccount(pool, known, settings.model_budget_usd) if pool else None
    return BoughtEmbedder(model, account, _PATIENCE if pool else _PATIENCE_ALONE)
