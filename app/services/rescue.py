"""Upkeep that every worker does, safe in all of them at once: rings that nobody heard, time that is over, vectors
that are missing."""

from app.clients.doorbell import Doorbell
from app.clients.embeddings import Embedder
from app.repositories import assessments, credentials, idempotency, jobs
from app.repositories.sql import Pool
from app.services.pipeline import ring

# How long a ring is trusted: what waits longer is rung for again. A message that is still in Redis is not doubled.
RING_PATIENCE = 3.0
_BATCH = 500
# Few enough that a batch of passages is embedded in about a second.
_PASSAGES = 32


async def ring_for_due(pool: Pool, doorbell: Doorbell) -> int:
    """Rings for jobs that someone should be working on; returns how many."""
    due = await jobs.due_unrung(pool, RING_PATIENCE, _BATCH)
    if due and await ring(pool, doorbell, due):
        return len(due)
    return 0


async def expire_overdue(pool: Pool) -> int:
    """Ends a batch of assessments whose time is over; returns how many."""
    return await assessments.sweep_expired(pool, _BATCH)


async def forget_keys(pool: Pool) -> int:
    """Removes a batch of idempotency keys whose time is over; returns how many."""
    return await idempotency.forget_old(pool, _BATCH)


async def embed_passages(pool: Pool, embedder: Embedder) -> int:
    """Embeds a batch of passages that have no vector of this model; returns how many.

    Raises:
        EmbeddingUnavailable: the runtime is not there.
    """
    async with pool.acquire() as conn, conn.transaction():
        batch = await credentials.take_unembedded(conn, embedder.name, _PASSAGES)
        if batch:
            vectors = await embedder.embed([f"{passage.title}. {passage.text}" for passage in batch])
            pairs = [(passage.id, vector) for passage, vector in zip(batch, vectors, strict=True)]
            await credentials.store_embeddings(conn, embedder.name, pairs)
        return len(batch)
