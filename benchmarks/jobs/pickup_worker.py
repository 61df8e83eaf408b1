"""Process of part "pickup": a worker in which some jobs never end; sends the times at which the others started."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import uvloop

from app.telemetry import configure_logging
from app.wiring.pool import open_pool
from benchmarks.child_messages import receive, send
from benchmarks.jobs import assay_worker, stock_arq

# Beside the jobs that never end.
_FREE_SLOTS = 100


class _Jobs:
    """The first `in_flight` jobs never end. Without any, the first job only shows that the worker is ready. The start
    times of the next `timed` jobs are noted and sent."""

    def __init__(self, in_flight: int, timed: int) -> None:
        self._unstarted = in_flight
        self._ready = in_flight > 0
        self._timed = timed
        self._starts: dict[str, float] = {}
        self.done = asyncio.Event()

    async def run(self, job_id: UUID | str) -> None:
        # On Linux this clock is the same in all processes.
        now = time.monotonic()
        if self._unstarted:
            self._unstarted -= 1
            if not self._unstarted:
                send("ready")
            await asyncio.Event().wait()
        if not self._ready:
            self._ready = True
            send("ready")
            return
        self._starts[str(job_id)] = now
        if len(self._starts) == self._timed:
            send(self._starts)
            self.done.set()


async def _arq(redis_url: str, in_flight: int, timed: int) -> None:
    jobs, slots = _Jobs(in_flight, timed), in_flight + _FREE_SLOTS
    async with stock_arq.connect(redis_url) as redis:
        # The limit has to be larger than the number of running jobs, which stay in the queue: arq would see no others.
        worker = stock_arq.make_worker(redis, jobs.run, stock_arq.FAST_POLL, slots, read_limit=2 * slots)
        running = asyncio.create_task(worker.async_run())
        await jobs.done.wait()
        await assay_worker.cancel(running)


async def _messages(redis_url: str, in_flight: int, timed: int) -> None:
    jobs = _Jobs(in_flight, timed)
    async with assay_worker.running_worker(redis_url, in_flight + _FREE_SLOTS, jobs.run):
        await jobs.done.wait()


async def _jobs(redis_url: str, in_flight: int, timed: int, dsn: str, connections: int) -> None:
    configure_logging("INFO")  # as deployed
    jobs = _Jobs(in_flight, timed)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(dsn, "assay bench", connections))
        run_in_job = assay_worker.with_job_runner(pool, redis_url, jobs.run)
        await stack.enter_async_context(assay_worker.running_worker(redis_url, in_flight + _FREE_SLOTS, run_in_job))
        await jobs.done.wait()


_MODES: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {"arq": _arq, "messages": _messages, "jobs": _jobs}

if __name__ == "__main__":
    arguments = receive()
    uvloop.run(_MODES[arguments.pop("mode")](**arguments))
