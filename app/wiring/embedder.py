"""Opens the embedder of the search by meaning: a model of the provider, or the offline model."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from redis.asyncio import Redis

from app.clients.llm.embedder import Embedder
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.repositories.sql import Pool
from app.settings import Settings
from app.wiring.models import endpoint_options, model_account

log = structlog.get_logger()

# Seconds for one request at most. Providers answer in a fraction of one, and full text is better than a long wait.
_REQUEST_SECONDS = 5.0
# Seconds in which another attempt may begin. Passages are locked meanwhile, and a writer waits at most 10 s for them.
_RETRY_SECONDS = 4.0
# The same with credentials that no other connection sees. Postgres ends a transaction that is idle for 60 s.
_RETRY_SECONDS_UNSHARED = 45.0
# A text of a hundred tokens is not embedded faster with more.
_MAX_CORES = 4


@asynccontextmanager
async def retrieval_embedder(
    settings: Settings, offline: OfflineEmbedder | None = None, pool: "Pool | None" = None, redis: Redis | None = None
) -> AsyncIterator[Embedder]:
    """The provider's model where EMBEDDING_MODEL and a key are set, else the offline one: `offline`, or a new one.

    With a `pool`, each request is recorded in the database, on a connection besides the caller's. With `redis`, as in a
    worker, all workers together keep to the provider's limits.
    """
    async with AsyncExitStack() as stack:
        if settings.embedding_model is not None and settings.openai_api_key is not None:
            embedder = _open_paid(settings, settings.embedding_model, stack, pool, redis)
        else:
            if settings.embedding_model is not None:
                log.warning("embedding_model_has_no_effect", reason="OPENAI_API_KEY is not set")
            # A new one is for a command, which does nothing else: two cores embed a half more than one.
            embedder = offline or OfflineEmbedder(cores=min(_MAX_CORES, _usable_cores()))
        if embedder is not offline:
            stack.push_async_callback(embedder.close)
        yield embedder


def _usable_cores() -> int:
    """The cores that this process may use, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def embedding_seconds(settings: Settings) -> float:
    """Seconds that one request to the provider's embedding model may take."""
    return min(settings.openai_timeout, _REQUEST_SECONDS)


def _open_paid(
    settings: Settings, name: str, stack: AsyncExitStack, pool: "Pool | None", redis: Redis | None
) -> Embedder:
    # Imported here: the SDK takes half a second, and the offline model does not need it.
    from app.clients.llm.embeddings_api import EmbeddingModel
    from app.clients.llm.gate import ModelGate, gate_name
    from app.services.recommendations.embedding_calls import PaidEmbedder

    seconds, gate = embedding_seconds(settings), None
    if redis is not None:
        gate = ModelGate(redis, gate_name(settings.openai_base_url, name), seconds)
        stack.push_async_callback(gate.close)
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
    model = EmbeddingModel(key, settings.openai_base_url, name, seconds, gate, endpoint_options(settings))
    account = model_account(pool, settings, name) if pool else None
    retry_seconds = _RETRY_SECONDS if pool else _RETRY_SECONDS_UNSHARED
    return PaidEmbedder(model, account, retry_seconds, batch=settings.embedding_batch)
