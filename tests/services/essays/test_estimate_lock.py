"""Many local estimates at the same time: they take turns, so that no essay's time limit includes its wait."""

import asyncio
from collections.abc import Sequence

from app.clients.llm.embedder import Vector
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.states import JobType
from app.repositories.sql import Pool
from tests.bank import Bank
from tests.job_runner import job_id, job_runner, submit


class CountingEmbedder:
    """The real embedder, with the highest number of callers at the same time."""

    def __init__(self, embedder: OfflineEmbedder) -> None:
        self._embedder = embedder
        self.name = embedder.name
        self.callers = 0
        self.max_callers = 0

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        self.callers += 1
        self.max_callers = max(self.max_callers, self.callers)
        try:
            return await self._embedder.embed(texts)
        finally:
            self.callers -= 1

    async def close(self) -> None:
        """The fixture closes the real embedder."""


async def test_estimates_take_turns(pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder) -> None:
    counting = CountingEmbedder(embedder)
    running = job_runner(pool, redis_url, counting)
    submitted = [await submit(pool, bank, f"student-{n}") for n in range(8)]
    jobs = [await job_id(pool, assessment_id, JobType.GPT) for assessment_id in submitted]
    await asyncio.gather(*(running.run(job) for job in jobs))
    assert counting.max_callers == 1
    assert await pool.fetchval("SELECT count(*) FROM scores WHERE scorer = 'local' AND score IS NOT NULL") == 16
    await running.job_queue.redis.aclose()
