"""Submits assessments with one essay each, and runs their jobs with a fake provider."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, Self
from uuid import UUID

from app.clients.llm.chat import ChatModel
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.states import JobType
from app.repositories.sql import Pool
from app.services.jobs.rescore import rescore
from tests.bank import Bank
from tests.job_runner import NO_ORIGIN, job_id, job_runner, run_due_jobs, submit

# Reasons of every result here: the credentials of the small track have no vectors.
_ALWAYS = {"missing_responses", "recommendations_fallback"}


class EssayRunner:
    """Submits and runs assessments with one essay each."""

    def __init__(self, pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder, url: str) -> None:
        self.pool, self.bank, self._redis_url, self.embedder = pool, bank, redis_url, embedder
        self._stack = AsyncExitStack()
        self._url = url

    async def model(self, name: str = "gpt-test") -> ChatModel:
        model = ChatModel("sk-test", self._url, name, 5)
        self._stack.push_async_callback(model.close)
        return model

    async def run(
        self, *essays: str, at_once: bool = False, owners: Sequence[str] = (), **parts: Any
    ) -> list[dict[str, Any]]:
        """The essays' lines in the results, in this order; each of another student, or of these `owners`."""
        owners = owners or [f"student-{number}" for number in range(len(essays))]
        submissions = [(owner, self.bank.answers(essay=essay)) for owner, essay in zip(owners, essays, strict=True)]
        ids = [await submit(self.pool, self.bank, owner, answers) for owner, answers in submissions]
        running = job_runner(self.pool, self._redis_url, self.embedder, model=await self.model(), **parts)
        self._stack.push_async_callback(running.job_queue.redis.aclose)
        if at_once:
            jobs = [await job_id(self.pool, assessment_id, JobType.GPT) for assessment_id in ids]
            await asyncio.gather(*(running.run(job) for job in jobs))
        await run_due_jobs(self.pool, running)
        return [await self.line(assessment_id) for assessment_id in ids]

    async def rescore(self, assessment_id: UUID) -> dict[str, Any]:
        """The only essay's line after an advisor asked for new scores."""
        async with self.pool.acquire() as conn, conn.transaction():
            await rescore(conn, "advisor-1", assessment_id, "A new rubric.", 4, NO_ORIGIN)
        running = job_runner(self.pool, self._redis_url, self.embedder, model=await self.model())
        self._stack.push_async_callback(running.job_queue.redis.aclose)
        await run_due_jobs(self.pool, running)
        return await self.line(assessment_id)

    async def line(self, assessment_id: Any) -> dict[str, Any]:
        body = json.loads(
            await self.pool.fetchval(
                "SELECT body FROM results WHERE assessment_id = $1 ORDER BY run DESC LIMIT 1", assessment_id
            )
        )
        line: dict[str, Any] = next(line for line in body["breakdown"]["essay"]["questions"] if not line["missing"])
        return line | {"reasons": {reason["code"] for reason in body["degraded_reasons"]} - _ALWAYS}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
