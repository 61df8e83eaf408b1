"""Keeping the catalogue's vectors those of one embedder, though workers may have different ones."""

from dataclasses import dataclass, field

import structlog

from app.clients.llm.embeddings_local import Embedder
from app.repositories import embeddings
from app.repositories.embeddings import ChosenSpace
from app.repositories.sql import Connection, Pool
from app.services.recommendations.search import embedded_text, space_name

log = structlog.get_logger()

# Few enough that a batch of passages is embedded in about a second.
_PASSAGES = 32
# Seconds after which it is said again that somebody embeds in the chosen space.
_SAID_AGAIN = 60.0
# Seconds without that after which others take it over: longer than it takes to replace all workers after `assay
# credentials reindex` with a new model.
ABANDONED_SECONDS = 900.0


@dataclass
class CredentialEmbedder:
    """Embeds what has no vector of the embedder's space, where that is the chosen one. Who comes last chooses: in a
    rolling deployment that is the new model, and workers that still have the old one leave the catalogue alone from
    then on, instead of both replacing each other's vectors for ever. They come back where nobody is left who chose."""

    pool: Pool
    embedder: Embedder
    _came: bool = field(default=False, init=False)
    _left_alone: bool = field(default=False, init=False)

    async def embed(self) -> int:
        """Embeds a batch; returns how many passages.

        Raises:
            EmbeddingUnavailable: the embedder does not work. Then it takes nothing over either.
        """
        ours, chosen = space_name(self.embedder), await embeddings.find_chosen_space(self.pool)
        if chosen is None or chosen.name != ours:
            if self._came and chosen is not None and chosen.idle_seconds <= ABANDONED_SECONDS:
                self._leave_alone(ours, chosen)
                return 0
            await self._take_over(ours, chosen)
        elif chosen.idle_seconds > _SAID_AGAIN:
            await embeddings.renew_chosen_space(self.pool, ours)
        self._came, self._left_alone = True, False
        return await embed_passages(self.pool, self.embedder)

    async def _take_over(self, ours: str, chosen: ChosenSpace | None) -> None:
        if chosen is not None:
            # It has to show that it works, before others stop.
            await self.embedder.embed(["Does it work?"])
            log.info("embedding_space_changed", space=ours, before=chosen.name)
        await embeddings.choose_space(self.pool, ours)

    def _leave_alone(self, ours: str, chosen: ChosenSpace) -> None:
        if not self._left_alone:
            log.warning("catalogue_left_to_another_model", space=ours, chosen=chosen.name)
            self._left_alone = True


async def embed_passages(pool: Pool, embedder: Embedder) -> int:
    """Embeds a batch of passages that have no vector of this model, unless another was chosen; returns how many.

    Raises:
        EmbeddingUnavailable: the runtime is not there.
    """
    async with pool.acquire() as conn:
        chosen = await embeddings.find_chosen_space(conn)
        if chosen and chosen.name != space_name(embedder):
            return 0
        return await embed_batch(conn, embedder)


async def embed_batch(conn: Connection, embedder: Embedder) -> int:
    """The same on this connection, in a transaction.

    Raises:
        EmbeddingUnavailable: the runtime is not there.
    """
    async with conn.transaction():
        batch = await embeddings.take_unembedded(conn, space_name(embedder), _PASSAGES)
        if batch:
            vectors = await embedder.embed([embedded_text(passage) for passage in batch])
            pairs = [(passage.id, vector) for passage, vector in zip(batch, vectors, strict=True)]
            await embeddings.store_vectors(conn, space_name(embedder), pairs)
        return len(batch)
