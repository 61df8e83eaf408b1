"""Runs the product's search and ranking for students who are only described, over a catalogue set aside for that."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.clients.llm.embeddings_local import Embedder
from app.domain.recommendation.credentials import CredentialBody
from app.domain.recommendation.query import MAX_RECOMMENDATIONS, RetrievalQuery
from app.domain.recommendation.ranking import rank
from app.repositories import credentials
from app.repositories.sql import Connection
from app.services.recommendations import search
from app.services.recommendations.embed_credentials import embed_batch


@dataclass(frozen=True, slots=True)
class RecommendedByMethod:
    """The credentials recommended, best first, by full text alone, by vectors alone, and by both."""

    text: tuple[UUID, ...]
    vectors: tuple[UUID, ...]
    both: tuple[UUID, ...]


async def load_trial_credentials(
    conn: Connection, embedder: Embedder, catalogue: Iterable[tuple[UUID, CredentialBody]]
) -> None:
    """Gives the connection this catalogue, embedded, in place of the real one.

    Raises:
        EmbeddingUnavailable: the runtime is not there.
    """
    await credentials.use_temporary_catalog(conn)
    for credential_id, body in catalogue:
        await credentials.create(conn, credential_id, body)
    while await embed_batch(conn, embedder):
        pass


async def recommend_by_each_method(
    conn: Connection, embedder: Embedder, queries: Sequence[RetrievalQuery], told: Callable[[], object] = lambda: None
) -> list[RecommendedByMethod]:
    """What is recommended for each query, in their order; `told` is called after each."""
    tried = []
    for query in queries:
        tried.append(await _try(conn, embedder, query))
        told()
    return tried


async def _try(conn: Connection, embedder: Embedder, query: RetrievalQuery) -> RecommendedByMethod:
    words = await search.by_words(conn, query)
    meaning = await search.by_meaning(conn, embedder, query)
    ways = ((words,), (meaning,), (words, meaning))
    return RecommendedByMethod(
        *(tuple(found.credential_id for found, _ in rank(query, *way)[:MAX_RECOMMENDATIONS]) for way in ways)
    )
