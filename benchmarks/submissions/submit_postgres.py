"""Process of part "submit": the statements of a submission by asyncpg alone; sends their rate and percentiles (ms).

The statements are recorded from one real submission and executed again for other assessments, with arguments that were
prepared before.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import orjson
import uvloop

from app.repositories.sql import Pool
from app.services.assessments.submit import SubmissionLimits, Submitter
from app.wiring.pool import open_pool
from benchmarks.bare_pool import bare_pool
from benchmarks.child_messages import receive, send
from benchmarks.report import percentile
from tests.job_runner import NO_KEY, NO_ORIGIN, access_of_student

_Call = tuple[str, tuple[Any, ...]]


class _Recorder:
    """Executes statements on a pool and keeps them with their arguments."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.calls: list[_Call] = []

    async def fetchrow(self, statement: str, *arguments: Any) -> asyncpg.Record | None:
        self.calls.append((statement, arguments))
        return await self._pool.fetchrow(statement, *arguments)


async def _record_submission(dsn: str, assessment_id: UUID, owner: str, max_queued: int) -> list[_Call]:
    async with open_pool(dsn, "assay bench", 1) as pool:
        recorder = _Recorder(pool)
        submitter = Submitter(cast(Pool, recorder), SubmissionLimits(max_queued, 5, 4))
        access = access_of_student(owner)
        draft = await submitter.read_draft(assessment_id, access, NO_KEY)
        await submitter.submit(draft, access, NO_KEY, [], NO_ORIGIN)
    assert len(recorder.calls) == 2, "a submission is no longer one read and one write; change this benchmark"
    return recorder.calls


def _for_assessment(calls: list[_Call], recorded_id: UUID, assessment_id: UUID) -> list[_Call]:
    """The recorded statements for another assessment, with new job ids; values of type jsonb are encoded already."""
    return [
        (statement, tuple(assessment_id if value == recorded_id else _encoded(value) for value in arguments))
        for statement, arguments in calls
    ]


def _encoded(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return value
    rows = orjson.loads(orjson.dumps(value))
    return orjson.dumps([{**row, "job_id": uuid4()} if "job_id" in row else row for row in rows]).decode()


async def _measure(
    dsn: str, assessments: list[tuple[str, str]], tasks: int, warmup: int, connections: int, max_queued: int
) -> dict[str, float]:
    (recorded_id, owner), *others = [(UUID(assessment_id), owner) for assessment_id, owner in assessments]
    calls = await _record_submission(dsn, recorded_id, owner, max_queued)
    submissions = [_for_assessment(calls, recorded_id, assessment_id) for assessment_id, _ in others]
    async with bare_pool(dsn, connections) as pool:
        await _submit_all(pool, submissions[:warmup], tasks)
        started = time.perf_counter()
        times = await _submit_all(pool, submissions[warmup:], tasks)
        seconds = time.perf_counter() - started
    return {"rate": len(times) / seconds, "p50": percentile(times, 50), "p99": percentile(times, 99)}


async def _submit_all(pool: Pool, submissions: list[list[_Call]], tasks: int) -> list[float]:
    """Milliseconds of each submission."""
    remaining, times = iter(submissions), list[float]()
    await asyncio.gather(*(_submit(pool, remaining, times) for _ in range(tasks)))
    return times


async def _submit(pool: Pool, remaining: Iterator[list[_Call]], times: list[float]) -> None:
    for (read, read_arguments), (write, write_arguments) in remaining:
        started = time.perf_counter()
        await pool.fetchrow(read, *read_arguments)
        row = await pool.fetchrow(write, *write_arguments)
        assert row and row["locked"], "the replayed submission did nothing"
        times.append((time.perf_counter() - started) * 1000)


if __name__ == "__main__":
    send(uvloop.run(_measure(**receive())))
