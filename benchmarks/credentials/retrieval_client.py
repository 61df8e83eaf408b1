"""Process of part "retrieval": finds recommendations for one student after the other, on one core; sends percentiles of
the wall and the CPU time of each step (ms)."""

import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.recommendation.query import MAX_RECOMMENDATIONS, RetrievalQuery
from app.domain.recommendation.ranking import RankedCandidate, rank
from app.domain.recommendation.recommend import recommend
from app.evaluation.labelled_queries import LabelledQuery
from app.evaluation.retrieval_queries import to_retrieval_query
from app.repositories.sql import Pool
from app.services.recommendations import search
from app.wiring.pool import open_pool
from benchmarks.child_messages import receive, send
from benchmarks.credentials.made_up_students import made_up_students
from benchmarks.report import percentile

_WARMUP = 20
_SCAN = "SELECT passage_id FROM passage_vectors ORDER BY embedding <=> $1::text::vector LIMIT 50"


@dataclass
class Meter:
    """Wall and CPU time of steps: the CPU time is that of this process and of the database's for it."""

    backends: list[int]
    walls: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpus: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @asynccontextmanager
    async def measure(self, step: str) -> AsyncIterator[None]:
        """Measures the block."""
        wall, cpu = time.perf_counter(), self._cpu()
        yield
        self.walls[step].append(time.perf_counter() - wall)
        self.cpus[step].append(self._cpu() - cpu)

    def percentiles(self) -> dict[str, dict[str, float]]:
        """By step: the median and the 95th percentile of wall and CPU time."""
        return {
            step: {
                f"{name} p{percent}": 1000 * percentile(values[step], percent)
                for name, values in (("wall", self.walls), ("CPU", self.cpus))
                for percent in (50, 95)
            }
            for step in self.walls
        }

    def _cpu(self) -> float:
        # To the nanosecond, unlike the ticks of `stat`; of one thread, and Postgres has one in a process.
        spent = (int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in self.backends)
        return time.process_time() + sum(spent) / 1e9


async def find(pool: Pool, embedder: OfflineEmbedder, student: LabelledQuery, meter: Meter) -> None:
    """As the `rag` job does it: from the answers to the reasons with their quotes."""
    async with meter.measure("all"):
        query = to_retrieval_query(student)
        results = await search.search_both(pool, embedder, query)
        first = rank(query, results.full_text, results.vector)[:MAX_RECOMMENDATIONS]
        await _explain(pool, embedder, query, first, results.query_vector)
    # All that is found may be refused: then there is nothing to recommend.
    assert results.full_text and results.vector


async def find_by_steps(pool: Pool, embedder: OfflineEmbedder, student: LabelledQuery, meter: Meter) -> None:
    """The same, one step after the other."""
    async with meter.measure("reading the answers"):
        query = to_retrieval_query(student)
    async with meter.measure("search by words"):
        words = await search.search_full_text(pool, query)
    async with meter.measure("embedding"):
        await search.embed_query(embedder, query)
    # The embedder keeps what it has embedded.
    async with meter.measure("search by meaning"):
        vector, meaning = await search.embed_and_search(pool, embedder, query)
    async with meter.measure("similarity of what words found"):
        words = await search.with_similarities(pool, embedder, words, meaning, vector)
    async with meter.measure("ranking"):
        first = rank(query, words, meaning)[:MAX_RECOMMENDATIONS]
    async with meter.measure("reasons with quotes"):
        await _explain(pool, embedder, query, first, vector)


async def find_nearest(pool: Pool, embedder: OfflineEmbedder, student: LabelledQuery, meter: Meter) -> None:
    """The least that a search does: the student's texts embedded, and the nearest vectors, by pgvector's index where
    there is one."""
    query = to_retrieval_query(student)
    async with meter.measure("reference"):
        vector = await search.embed_query(embedder, query)
        await pool.fetch(_SCAN, str(list(vector or ())))


async def _explain(
    pool: Pool, embedder: OfflineEmbedder, query: RetrievalQuery, first: tuple[RankedCandidate, ...], vector: Any
) -> None:
    candidates = [candidate for candidate, _ in first]
    quoted = await search.with_evidence(pool, embedder.name, query, candidates, vector)
    recommend([(candidate, relevance) for candidate, (_, relevance) in zip(quoted, first, strict=True)], query)


_TASKS: dict[str, Callable[[Pool, OfflineEmbedder, LabelledQuery, Meter], Awaitable[None]]] = {
    "whole": find,
    "steps": find_by_steps,
    "reference": find_nearest,
}


async def _measure(database_url: str, task: str, count: int, core: int | None, seed: int) -> dict[str, Any]:
    embedder = OfflineEmbedder()
    try:
        async with open_pool(database_url, "assay bench", 2) as pool:
            async with pool.acquire() as first, pool.acquire() as second:
                backends = [await conn.fetchval("SELECT pg_backend_pid()") for conn in (first, second)]
            if core is not None:
                for pid in (0, *backends):
                    os.sched_setaffinity(pid, {core})
            for student in made_up_students(_WARMUP, 1):
                await _TASKS[task](pool, embedder, student, Meter(backends))
            meter = Meter(backends)
            for student in made_up_students(count, seed):
                await _TASKS[task](pool, embedder, student, meter)
    finally:
        await embedder.close()
    return meter.percentiles()


if __name__ == "__main__":
    send(uvloop.run(_measure(**receive())))
