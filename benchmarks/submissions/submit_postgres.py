"""Process of part "submit": the statements of a submission by asyncpg alone; sends their rate and percentiles (ms).

They are executed with arguments that were prepared before.
"""

import asyncio
import time
from collections.abc import Iterator
from uuid import UUID

import uvloop

from app.repositories.sql import Pool
from benchmarks.bare_pool import bare_pool
from benchmarks.child_messages import receive, send
from benchmarks.report import percentile
from benchmarks.submissions.recorded_submission import Call, record_submission


async def _measure(
    dsn: str, assessments: list[tuple[str, str]], tasks: int, warmup: int, connections: int, max_queued: int
) -> dict[str, float]:
    (recorded_id, recorded_owner), *others = [(UUID(assessment_id), owner) for assessment_id, owner in assessments]
    recorded = await record_submission(dsn, recorded_id, recorded_owner, max_queued)
    submissions = [recorded.calls_for(assessment_id, owner) for assessment_id, owner in others]
    async with bare_pool(dsn, connections) as pool:
        await _submit_all(pool, submissions[:warmup], tasks)
        started = time.perf_counter()
        times = await _submit_all(pool, submissions[warmup:], tasks)
        seconds = time.perf_counter() - started
    return {"rate": len(times) / seconds, "p50": percentile(times, 50), "p99": percentile(times, 99)}


async def _submit_all(pool: Pool, submissions: list[list[Call]], tasks: int) -> list[float]:
    """Milliseconds of each submission."""
    remaining, times = iter(submissions), list[float]()
    await asyncio.gather(*(_submit(pool, remaining, times) for _ in range(tasks)))
    return times


async def _submit(pool: Pool, remaining: Iterator[list[Call]], times: list[float]) -> None:
    for (read, read_arguments), (write, write_arguments) in remaining:
        started = time.perf_counter()
        await pool.fetchrow(read, *read_arguments)
        row = await pool.fetchrow(write, *write_arguments)
        assert row and row["locked"], "the replayed submission did nothing"
        times.append((time.perf_counter() - started) * 1000)


if __name__ == "__main__":
    send(uvloop.run(_measure(**receive())))
