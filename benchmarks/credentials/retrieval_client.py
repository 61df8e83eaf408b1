"""Process of part "retrieval": searches for credentials one after the other; sends percentiles of their times (ms)."""

import time
from collections.abc import Iterable

import uvloop

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.recommendation.query import MAX_CANDIDATES, MAX_RECOMMENDATIONS, RetrievalQuery
from app.domain.recommendation.ranking import rank
from app.repositories.sql import Pool
from app.services.recommendations import search
from app.wiring.pool import open_pool
from benchmarks.child_messages import receive, send
from benchmarks.credentials.made_up_queries import made_up_queries
from benchmarks.report import percentile

_WARMUP = 60
_SCAN = "SELECT passage_id FROM passage_vectors ORDER BY embedding <=> $1::text::vector LIMIT 50"


async def _search_times(pool: Pool, embedder: OfflineEmbedder, queries: Iterable[RetrievalQuery]) -> list[float]:
    """Seconds of each search, as a worker does it."""
    times = []
    for query in queries:
        started = time.perf_counter()
        matches = await search.search_both(pool, embedder, query)
        ranked = rank(query, matches.full_text, matches.vector)
        best = [candidate for candidate, _ in ranked[:MAX_RECOMMENDATIONS]]
        await search.with_evidence(pool, embedder.name, query, best, matches.query_vector)
        times.append(time.perf_counter() - started)
        assert ranked and matches.full_text and len(matches.vector) == MAX_CANDIDATES
    return times


async def _scan_times(pool: Pool, embedder: OfflineEmbedder, queries: Iterable[RetrievalQuery]) -> list[float]:
    """Seconds to embed each student's own text and to scan all vectors once."""
    times = []
    for query in queries:
        # The texts of `made_up_queries` end in a number.
        own_text = max((part.text for part in query.vector_parts), key=lambda text: text.endswith(tuple("0123456789")))
        started = time.perf_counter()
        (vector,) = await embedder.embed([own_text])
        await pool.fetch(_SCAN, str(list(vector)))
        times.append(time.perf_counter() - started)
    return times


async def _measure(database_url: str, count: int) -> dict[str, float]:
    embedder = OfflineEmbedder()
    try:
        async with open_pool(database_url, "assay bench", 2) as pool:
            await _search_times(pool, embedder, made_up_queries(_WARMUP, seed=1))
            times = {
                "assay": await _search_times(pool, embedder, made_up_queries(count, seed=2)),
                "scan": await _scan_times(pool, embedder, made_up_queries(count, seed=3)),
            }
    finally:
        await embedder.close()
    return {
        f"{name} p{percent}": 1000 * percentile(seconds, percent)
        for name, seconds in times.items()
        for percent in (50, 95)
    }


if __name__ == "__main__":
    send(uvloop.run(_measure(**receive())))
