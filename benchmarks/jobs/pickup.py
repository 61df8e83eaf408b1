"""Part "pickup": the time from a job's notification to its start, in a worker that already runs many other jobs."""

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
from benchmarks.environment import CONNECTIONS, Environment
from benchmarks.jobs import assay_worker, stock_arq
from benchmarks.processes import ChildProcess, start_child
from benchmarks.report import Measurement, at_most, percentile

NOTES = (
    "pickup: milliseconds from before the notification to the job's first line, the 99th percentile of 200 jobs about "
    "10 ms apart. From the commit: the job is claimed in Postgres before it begins. Stock arq polls every 0.02 s.",
)
_IN_FLIGHT = (0, 100, 1000)
_JOBS = 200
# Seconds between jobs, random so that they are not in step with the polls of a worker.
_INTERVAL = (0.005, 0.015)
_MAX_MS = 25.0
_ForJob = Callable[[UUID], Awaitable[None]]


def run(environment: Environment) -> list[Measurement]:
    """Two measurements for each number of jobs in flight."""
    return [measurement for in_flight in _IN_FLIGHT for measurement in _measure(environment, in_flight)]


def _measure(environment: Environment, in_flight: int) -> tuple[Measurement, Measurement]:
    arq = asyncio.run(_arq(environment, in_flight))
    messages = asyncio.run(_messages(environment, in_flight))
    environment.reset()
    jobs = environment.run(lambda pool: _jobs(environment, pool, in_flight))
    load = f"{in_flight} in flight" if in_flight else "idle"
    return (
        _measurement(f"from the notification, {load}", messages, arq),
        _measurement(f"from the commit, {load}", jobs, arq),
    )


def _measurement(name: str, delays: list[float], arq: list[float]) -> Measurement:
    note = f"p50 {percentile(delays, 50):.1f} ms (stock arq {percentile(arq, 50):.0f})"
    return at_most("pickup", name, "ms", percentile(delays, 99), {"stock arq": percentile(arq, 99)}, _MAX_MS, note)


async def _arq(environment: Environment, in_flight: int) -> list[float]:
    async with stock_arq.connect(environment.redis_url) as redis:

        async def enqueue(job_id: UUID) -> None:
            await redis.enqueue_job(stock_arq.JOB, str(job_id))

        await stock_arq.enqueue(redis, max(in_flight, 1))
        with start_child(
            "jobs.pickup_worker", mode="arq", redis_url=environment.redis_url, in_flight=in_flight, timed=_JOBS
        ) as worker:
            return await _delays(worker, [uuid4() for _ in range(_JOBS)], enqueue)


async def _messages(environment: Environment, in_flight: int) -> list[float]:
    await assay_worker.notify(environment.redis_url, [uuid4() for _ in range(max(in_flight, 1))])
    with start_child(
        "jobs.pickup_worker", mode="messages", redis_url=environment.redis_url, in_flight=in_flight, timed=_JOBS
    ) as worker:
        async with _notifier(environment.redis_url) as notify:
            return await _delays(worker, [uuid4() for _ in range(_JOBS)], notify)


async def _jobs(environment: Environment, pool: Pool, in_flight: int) -> list[float]:
    """Timed from after the commit that makes the job due."""
    others = await database_rows.insert_queued_jobs(pool, max(in_flight, 1))
    await assay_worker.notify(environment.redis_url, others)
    timed = await database_rows.insert_queued_jobs(pool, _JOBS, due=False)
    with start_child(
        "jobs.pickup_worker", mode="jobs", redis_url=environment.redis_url, in_flight=in_flight, timed=_JOBS,
        dsn=environment.database_url, connections=CONNECTIONS,
    ) as worker:  # fmt: skip
        async with _notifier(environment.redis_url) as notify:
            return await _delays(worker, timed, notify, lambda job_id: database_rows.make_job_due(pool, job_id))


@asynccontextmanager
async def _notifier(redis_url: str) -> AsyncIterator[_ForJob]:
    queue = JobQueue(job_queue.connect(redis_url))

    async def notify(job_id: UUID) -> None:
        await queue.notify([JobNotification(job_id, assay_worker.JOB_TYPE, 0)])

    await queue.redis.ping()
    yield notify
    await queue.redis.aclose()


async def _do_nothing(_: UUID) -> None:
    pass


async def _delays(
    worker: ChildProcess, job_ids: list[UUID], notify: _ForJob, prepare: _ForJob = _do_nothing
) -> list[float]:
    """Milliseconds from each notification to the start of its job."""
    await asyncio.to_thread(worker.receive)
    notified: dict[str, float] = {}
    for job_id in job_ids:
        await asyncio.sleep(random.uniform(*_INTERVAL))  # noqa: S311  (no secret)
        await prepare(job_id)
        notified[str(job_id)] = time.monotonic()
        await notify(job_id)
    started: dict[str, float] = await asyncio.to_thread(worker.receive)
    return [(started[job_id] - at) * 1000 for job_id, at in notified.items()]
