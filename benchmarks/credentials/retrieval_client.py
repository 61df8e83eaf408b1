"""Retrievals one after the other, as a worker does them, and what they cannot do without."""

import time
from collections.abc import Iterable

import uvloop

from app.clients.llm.embeddings_local import OfflineEmbedder
from app.domain.recommendation.query import MAX_CANDIDATES, MAX_RECOMMENDATIONS, RetrievalQuery
from app.domain.recommendation.ranking import rank
from app.repositories.sql import Pool
from app.services.recommendations import search
from app.wiring.pool import open_pool
from benchmarks.child_messages import receive, send
from benchmarks.credentials.made_up_queries import made_up_queries
from benchmarks.report import percentile

_WARM = 60
_SCAN = "SELECT passage_id FROM passage_vectors ORDER BY embedding <=> $1::text::vector LIMIT 50"


async def _retrievals(pool: Pool, embedder: OfflineEmbedder, queries: Iterable[RetrievalQuery]) -> list[float]:
    taken = []
    for query in queries:
        began = time.perf_counter()
        found = await search.by_words_and_meaning(pool, embedder, query)
        ranked = rank(query, found.by_words, found.by_meaning)
        await search.with_evidence(pool, embedder.name, query, [one for one, _ in ranked[:MAX_RECOMMENDATIONS]], found.vector)
        taken.append(time.perf_counter() - began)
        assert ranked and found.by_words and len(found.by_meaning) == MAX_CANDIDATES
    return taken


async def _floor(pool: Pool, embedder: OfflineEmbedder, queries: Iterable[RetrievalQuery]) -> list[float]:
    """The student's own text embedded, one look at all vectors."""
    taken = []
    for query in queries:
        own = max((part.text for part in query.meanings), key=lambda text: text.endswith(tuple("0123456789")))
        began = time.perf_counter()
        (vector,) = await embedder.embed([own])
        await pool.fetch(_SCAN, str(list(vector)))
        taken.append(time.perf_counter() - began)
    return taken


async def _measure(database_url: str, count: int) -> dict[str, float]:
    embedder = OfflineEmbedder()
    try:
        async with open_pool(database_url, "assay bench", 2) as pool:
            await _retrievals(pool, embedder, made_up_queries(_WARM, seed=1))
            ours = await _retrievals(pool, embedder, made_up_queries(count, seed=2))
            floor = await _floor(pool, embedder, made_up_queries(count, seed=3))
    finally:
        await embedder.close()
    both = {"ours": ours, "floor": floor}
    return {f"{name} p{at}": 1000 * percentile(taken, at) for name, taken in both.items() for at in (50, 95)}


if __name__ == "__main__":
    send(uvloop.run(_measure(**receive())))
