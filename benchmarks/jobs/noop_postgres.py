"""What Postgres alone allows: claim and finish, sent by asyncpg for jobs that are known, without any message."""

import asyncio
import time
from collections.abc import Iterator
from uuid import UUID

import uvloop

from app.repositories.sql import Pool, statements
from benchmarks.bare_pool import bare_pool
from benchmarks.child_messages import say, told

_SQL = statements("jobs")


async def _run(dsn: str, job_ids: list[str], slots: int, connections: int) -> float:
    left = iter([UUID(job_id) for job_id in job_ids])
    async with bare_pool(dsn, connections) as pool:
        started = time.perf_counter()
        await asyncio.gather(*(_drain(pool, left) for _ in range(slots)))
        return len(job_ids) / (time.perf_counter() - started)


async def _drain(pool: Pool, left: Iterator[UUID]) -> None:
    for job_id in left:
        claimed = await pool.fetchrow(_SQL["claim"], job_id, 15.0)
        assert claimed
        assert await pool.fetchrow(_SQL["finish"], job_id, claimed["fence"], "completed", None, None, "[]")


if __name__ == "__main__":
    say(uvloop.run(_run(**told())))
