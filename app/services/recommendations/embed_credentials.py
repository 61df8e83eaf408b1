"""Embedding the passages of credentials, in one embedding space even if workers have different embedders."""

from dataclasses import dataclass, field

import structlog

from app.clients.llm.embedder import Embedder
from app.domain.states import AuditAction, AuditEntity
from app.repositories import audit, credentials, passage_vectors
from app.repositories.passage_vectors import CurrentSpace
from app.repositories.sql import Connection, Pool
from app.services.recommendations.search import EXACT_UP_TO, embedded_text, space_name

log = structlog.get_logger()

# Passages of a batch, which is embedded in about a second.
_BATCH = 32
# Seconds after which a worker that embeds in the chosen space renews the choice.
_RENEW_SECONDS = 60.0
# Seconds without a renewal after which workers with another embedder choose their space: longer than it takes to
# replace all workers after `assay credentials reindex` with a new model.
ABANDONED_SECONDS = 900.0


@dataclass
class CredentialEmbedder:
    """Embeds passages that have no vector of the chosen embedding space, if that is the embedder's own. A worker that
    starts chooses its space: in a rolling deployment that is the one of the new model. Workers with the old model then
    embed nothing, so that both do not replace each other's vectors for ever; they choose again once no worker is left
    that renews the choice.

    The audit log has the first change by an `actor`; workers do what follows from the changes of others."""

    pool: Pool
    embedder: Embedder
    actor: str | None = None
    _has_chosen: bool = field(default=False, init=False)
    _is_idle: bool = field(default=False, init=False)
    _is_audited: bool = field(default=False, init=False)

    async def embed(self) -> int:
        """Embeds a batch and returns the number of its passages.

        Raises:
            EmbeddingUnavailable: the embedder does not work; then its space is not chosen either.
        """
        ours, chosen = space_name(self.embedder), await passage_vectors.find_current_space(self.pool)
        if chosen is None or chosen.name != ours:
            if self._has_chosen and chosen is not None and chosen.idle_seconds <= ABANDONED_SECONDS:
                self._log_idle(ours, chosen)
                return 0
            await self._choose(ours, chosen)
        elif chosen.idle_seconds > _RENEW_SECONDS:
            await passage_vectors.renew_current_space(self.pool, ours)
        self._has_chosen, self._is_idle = True, False
        async with self.pool.acquire() as conn, conn.transaction():
            count = await _embed_in_chosen_space(conn, self.embedder)
            if count:
                await self._audit(conn, ours)
        return count

    async def _choose(self, ours: str, chosen: CurrentSpace | None) -> None:
        if chosen is not None:
            # It has to prove that it works before others stop embedding.
            await self.embedder.embed(["Does it work?"])
            log.info("embedding_space_changed", space=ours, before=chosen.name)
        async with self.pool.acquire() as conn, conn.transaction():
            await passage_vectors.set_current_space(conn, ours)
            await self._audit(conn, ours)

    async def _audit(self, conn: Connection, space: str) -> None:
        if self.actor is not None and not self._is_audited:
            await audit.record(conn, self.actor, AuditAction.UPDATE, AuditEntity.EMBEDDING_SPACE, space)
            self._is_audited = True

    def _log_idle(self, ours: str, chosen: CurrentSpace) -> None:
        if not self._is_idle:
            log.warning("embedding_left_to_another_model", space=ours, chosen=chosen.name)
            self._is_idle = True


async def embed_passages(pool: Pool, embedder: Embedder) -> int:
    """Embeds a batch of passages that have no vector of the embedder's space, unless another space was chosen; returns
    the number of passages.

    Raises:
        EmbeddingUnavailable: the embedder does not work.
    """
    async with pool.acquire() as conn:
        return await _embed_in_chosen_space(conn, embedder)


async def _embed_in_chosen_space(conn: Connection, embedder: Embedder) -> int:
    chosen = await passage_vectors.find_current_space(conn)
    if chosen and chosen.name != space_name(embedder):
        return 0
    return await embed_batch(conn, embedder)


async def embed_batch(conn: Connection, embedder: Embedder) -> int:
    """Embeds a batch on this connection, in a transaction, whatever space is chosen; returns the number of passages.

    Raises:
        EmbeddingUnavailable: the embedder does not work.
    """
    async with conn.transaction():
        batch = await passage_vectors.take_unembedded(conn, space_name(embedder), _BATCH)
        if batch:
            vectors = await embedder.embed([embedded_text(passage) for passage in batch])
            pairs = [(passage.id, vector) for passage, vector in zip(batch, vectors, strict=True)]
            await passage_vectors.store_vectors(conn, space_name(embedder), pairs)
        return len(batch)


async def vacuum_and_index(conn: Connection, exact_up_to: int = EXACT_UP_TO) -> bool:
    """Keeps searches fast after many changes: deletes outdated vectors, vacuums and analyzes, and builds the indexes
    over all vectors if there are more than `exact_up_to` passages and not all indexes are complete; returns whether it
    built them. Has to run outside a transaction; it lifts the connection's statement timeout. Searches and writes
    continue meanwhile."""
    await credentials.vacuum(conn)
    return await passage_vectors.are_indexes_missing(conn, exact_up_to) and await passage_vectors.build_indexes(conn)
