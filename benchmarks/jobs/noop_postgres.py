"""Process of part "noop": claims and finishes jobs by asyncpg alone, without messages; sends the rate per second."""

import asyncio
import time
from collections.abc import Iterator
from uuid import UUID

import uvloop

from app.repositories.sql import Pool, statements
from benchmarks.bare_pool import bare_pool
from benchmarks.child_messages import receive, send

_SQL = statements("jobs")


async def _measure(dsn: str, job_ids: list[str], slots: int, connections: int) -> float:
    remaining = iter([UUID(job_id) for job_id in job_ids])
    async with bare_pool(dsn, connections) as pool:
        started = time.perf_counter()
        await asyncio.gather(*(_run_jobs(pool, remaining) for _ in range(slots)))
        return len(job_ids) / (time.perf_counter() - started)


async def _run_jobs(pool: Pool, remaining: Iterator[UUID]) -> None:
    for job_id in remaining:
        claimed = await pool.fetchrow(_SQL["claim"], job_id, 15.0)
        assert claimed
        assert await pool.fetchrow(_SQL["finish"], job_id, claimed["fence"], "completed", None, None, "[]")


if __name__ == "__main__":
    send(uvloop.run(_measure(**receive())))
