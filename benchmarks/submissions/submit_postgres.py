"""What Postgres alone allows: the two statements of a submission, recorded from a real one, sent again by asyncpg for
other assessments with arguments that are ready."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import orjson
import uvloop

from app.domain.states import Role
from app.repositories.sql import Pool
from app.services.assessments.submit import SubmissionLimits, Submitter
from app.services.caller import Caller
from app.wiring.context import open_pool
from benchmarks.bare_pool import bare_pool
from benchmarks.child_messages import say, told
from benchmarks.report import percentile
from tests.pipelines import FROM_NOWHERE, NO_KEY

_Call = tuple[str, tuple[Any, ...]]


class _Recorder:
    """Runs statements on a pool and remembers them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.calls: list[_Call] = []

    async def fetchrow(self, statement: str, *arguments: Any) -> asyncpg.Record | None:
        self.calls.append((statement, arguments))
        return await self._pool.fetchrow(statement, *arguments)


async def _recorded(dsn: str, assessment_id: UUID, owner: str, most_waiting: int) -> list[_Call]:
    """The statements of a submission that is made for this."""
    async with open_pool(dsn, "assay bench", 1) as pool:
        recorder = _Recorder(pool)
        submitter = Submitter(cast(Pool, recorder), SubmissionLimits(most_waiting, 4))
        caller = Caller(owner, frozenset({Role.STUDENT}))
        draft = await submitter.open(assessment_id, caller, NO_KEY)
        await submitter.submit(draft, caller, NO_KEY, [], FROM_NOWHERE)
    assert len(recorder.calls) == 2, "a submission is no longer one read and one write; record what it is now"
    return recorder.calls


def _for_another(calls: list[_Call], recorded: UUID, other: UUID) -> list[_Call]:
    """The same statements for another assessment, with jobs of its own; what becomes jsonb is encoded already."""
    return [
        (statement, tuple(other if value == recorded else _ready(value) for value in arguments))
        for statement, arguments in calls
    ]


def _ready(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return value
    rows = orjson.loads(orjson.dumps(value))
    return orjson.dumps([{**row, "job_id": uuid4()} if "job_id" in row else row for row in rows]).decode()


async def _run(
    dsn: str, assessments: list[tuple[str, str]], tasks: int, warm: int, connections: int, most_waiting: int
) -> dict[str, float]:
    (first, owner), *others = [(UUID(assessment_id), owner) for assessment_id, owner in assessments]
    calls = await _recorded(dsn, first, owner, most_waiting)
    ready = [_for_another(calls, first, other) for other, _ in others]
    async with bare_pool(dsn, connections) as pool:
        await _send_all(pool, ready[:warm], tasks)
        started = time.perf_counter()
        taken = await _send_all(pool, ready[warm:], tasks)
        seconds = time.perf_counter() - started
    return {"rate": len(taken) / seconds, "p50": percentile(taken, 50), "p99": percentile(taken, 99)}


async def _send_all(pool: Pool, ready: list[list[_Call]], tasks: int) -> list[float]:
    """Milliseconds of each submission."""
    left, taken = iter(ready), list[float]()
    await asyncio.gather(*(_send(pool, left, taken) for _ in range(tasks)))
    return taken


async def _send(pool: Pool, left: Iterator[list[_Call]], taken: list[float]) -> None:
    for (read, read_arguments), (write, write_arguments) in left:
        started = time.perf_counter()
        await pool.fetchrow(read, *read_arguments)
        done = await pool.fetchrow(write, *write_arguments)
        assert done and done["locked"], "the replayed submission did nothing"
        taken.append((time.perf_counter() - started) * 1000)


if __name__ == "__main__":
    say(uvloop.run(_run(**told())))
