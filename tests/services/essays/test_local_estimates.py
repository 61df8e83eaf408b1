"""Essays estimated locally, many at once: they take turns, so that none is cut off for waiting."""

import asyncio
from collections.abc import Sequence

from app.clients.llm.embeddings_local import OfflineEmbedder, Vector
from app.domain.states import JobType
from app.repositories.sql import Pool
from tests.bank import Bank
from tests.pipelines import job_id, pipeline, submit


class Watched:
    """The real embedder, and how many callers it had at the same time."""

    def __init__(self, embedder: OfflineEmbedder) -> None:
        self._embedder = embedder
        self.name = embedder.name
        self.callers = 0
        self.most = 0

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        self.callers += 1
        self.most = max(self.most, self.callers)
        try:
            return await self._embedder.embed(texts)
        finally:
            self.callers -= 1

    async def close(self) -> None:
        """It is closed by whoever opened it."""


async def test_essays_take_turns(pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder) -> None:
    watched = Watched(embedder)
    running = pipeline(pool, redis_url, watched)
    submitted = [await submit(pool, bank, f"student-{n}") for n in range(8)]
    essays = [await job_id(pool, assessment_id, JobType.GPT) for assessment_id in submitted]
    await asyncio.gather(*(running.run(job) for job in essays))
    assert watched.most == 1
    assert await pool.fetchval("SELECT count(*) FROM scores WHERE scorer = 'local' AND score IS NOT NULL") == 16
    await running.job_queue.redis.aclose()
