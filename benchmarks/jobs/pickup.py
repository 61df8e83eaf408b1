"""From the ring to the start of the job, in a worker that holds many other jobs, which wait."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.job.notification import JobNotification
from app.repositories.sql import Pool
from benchmarks import database_rows
from benchmarks.environment import CONNECTIONS, Ground
from benchmarks.jobs import assay_worker, stock_arq
from benchmarks.processes import Child, child
from benchmarks.report import Line, at_most, percentile

NOTES = (
    "pickup: milliseconds from before the ring to the job's first line, the 99th percentile of 200 rings about 10 ms "
    "apart. From the commit: the job is claimed in Postgres before it begins. Stock arq polls every 0.02 s.",
)
_IN_FLIGHT = (0, 100, 1000)
_RINGS = 200
# Not in step with anybody's poll.
_APART = (0.005, 0.015)
_MOST_MS = 25.0
_Ring = Callable[[UUID], Awaitable[None]]


def run(ground: Ground) -> list[Line]:
    """Two lines for each number of jobs in flight."""
    return [line for held in _IN_FLIGHT for line in _lines(ground, held)]


def _lines(ground: Ground, held: int) -> tuple[Line, Line]:
    theirs = asyncio.run(_stock(ground, held))
    layer = asyncio.run(_layer(ground, held))
    ground.clear()
    whole = ground.run(lambda pool: _pipeline(ground, pool, held))
    beside = f"{held} in flight" if held else "idle"
    return (_line(f"from the ring, {beside}", layer, theirs), _line(f"from the commit, {beside}", whole, theirs))


def _line(what: str, taken: list[float], theirs: list[float]) -> Line:
    note = f"p50 {percentile(taken, 50):.1f} ms (stock arq {percentile(theirs, 50):.0f})"
    return at_most("pickup", what, "ms", percentile(taken, 99), {"stock arq": percentile(theirs, 99)}, _MOST_MS, note)


async def _stock(ground: Ground, held: int) -> list[float]:
    async with stock_arq.connected(ground.redis_url) as redis:

        async def ring(job_id: UUID) -> None:
            await redis.enqueue_job(stock_arq.JOB, str(job_id))

        await stock_arq.fill(redis, max(held, 1))
        with child("jobs.pickup_worker", mode="stock", redis_url=ground.redis_url, held=held, timed=_RINGS) as worker:
            return await _taken(worker, [uuid4() for _ in range(_RINGS)], ring)


async def _layer(ground: Ground, held: int) -> list[float]:
    await assay_worker.ring(ground.redis_url, [uuid4() for _ in range(max(held, 1))])
    with child("jobs.pickup_worker", mode="layer", redis_url=ground.redis_url, held=held, timed=_RINGS) as worker:
        async with _bell(ground.redis_url) as ring:
            return await _taken(worker, [uuid4() for _ in range(_RINGS)], ring)


async def _pipeline(ground: Ground, pool: Pool, held: int) -> list[float]:
    """The time of a ring begins after the commit that makes its job due."""
    await assay_worker.ring(ground.redis_url, await database_rows.queued(pool, max(held, 1)))
    timed = await database_rows.queued(pool, _RINGS, due=False)
    with child(
        "jobs.pickup_worker", mode="pipeline", redis_url=ground.redis_url, held=held, timed=_RINGS,
        dsn=ground.database_url, connections=CONNECTIONS,
    ) as worker:  # fmt: skip
        async with _bell(ground.redis_url) as ring:
            return await _taken(worker, timed, ring, lambda job_id: database_rows.make_due(pool, job_id))


@asynccontextmanager
async def _bell(redis_url: str) -> AsyncIterator[_Ring]:
    bell = JobQueue(job_queue.connect(redis_url))

    async def ring(job_id: UUID) -> None:
        await bell.notify([JobNotification(job_id, assay_worker.JOB_TYPE, 0)])

    await bell.redis.ping()
    yield ring
    await bell.redis.aclose()


async def _nothing(_: UUID) -> None:
    pass


async def _taken(worker: Child, job_ids: list[UUID], ring: _Ring, before: _Ring = _nothing) -> list[float]:
    """Milliseconds from each ring to its job's start."""
    await asyncio.to_thread(worker.says)
    rung: dict[str, float] = {}
    for job_id in job_ids:
        await asyncio.sleep(random.uniform(*_APART))  # noqa: S311  (no secret)
        await before(job_id)
        rung[str(job_id)] = time.monotonic()
        await ring(job_id)
    started: dict[str, float] = await asyncio.to_thread(worker.says)
    return [(started[job_id] - at) * 1000 for job_id, at in rung.items()]
