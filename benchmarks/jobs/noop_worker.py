"""Process of part "noop": a worker that empties a full queue of jobs that do nothing; sends the rate per second."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import uvloop

from app.telemetry import configure_logging
from app.wiring.pool import open_pool
from benchmarks.child_messages import receive, send
from benchmarks.jobs import assay_worker, stock_arq


@dataclass
class _Countdown:
    """Counts jobs; `done` is set by the last one."""

    remaining: int
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def count(self, _: object) -> None:
        self.remaining -= 1
        if self.remaining == 0:
            self.done.set()


async def _arq(redis_url: str, count: int, slots: int, read_limit: int) -> float:
    async with stock_arq.connect(redis_url) as redis:
        await stock_arq.enqueue(redis, count)
        countdown = _Countdown(count)
        worker = stock_arq.make_worker(redis, countdown.count, stock_arq.FAST_POLL, slots, read_limit)
        started = time.perf_counter()
        running = asyncio.create_task(worker.async_run())
        await countdown.done.wait()
        seconds = time.perf_counter() - started
        await assay_worker.cancel(running)
    return count / seconds


async def _messages(redis_url: str, count: int, slots: int) -> float:
    await assay_worker.notify(redis_url, [uuid4() for _ in range(count)])
    countdown, started = _Countdown(count), time.perf_counter()
    async with assay_worker.running_worker(redis_url, slots, countdown.count):
        await countdown.done.wait()
        return count / (time.perf_counter() - started)


async def _jobs(redis_url: str, dsn: str, job_ids: list[str], slots: int, connections: int) -> float:
    configure_logging("INFO")  # as deployed: the log lines of a job are part of its cost
    jobs = [UUID(job_id) for job_id in job_ids]
    await assay_worker.notify(redis_url, jobs)
    countdown = _Countdown(len(jobs))
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(dsn, "assay bench", connections))
        run_in_job = assay_worker.with_job_runner(pool, redis_url, _do_nothing)

        async def run_and_count(job_id: UUID) -> None:
            # Counted when it is finished in Postgres, not when it starts as in the other modes.
            await run_in_job(job_id)
            await countdown.count(job_id)

        started = time.perf_counter()
        await stack.enter_async_context(assay_worker.running_worker(redis_url, slots, run_and_count))
        await countdown.done.wait()
        return len(jobs) / (time.perf_counter() - started)


async def _do_nothing(_: UUID) -> None:
    pass


_MODES: dict[str, Callable[..., Coroutine[Any, Any, float]]] = {"arq": _arq, "messages": _messages, "jobs": _jobs}

if __name__ == "__main__":
    arguments = receive()
    send(uvloop.run(_MODES[arguments.pop("mode")](**arguments)))
