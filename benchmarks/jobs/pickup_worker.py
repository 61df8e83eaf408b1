"""A worker process in which some jobs never end, and which says when the others began."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import uvloop

from app.telemetry import configure_logging
from app.wiring.context import open_pool
from benchmarks.child_messages import say, told
from benchmarks.jobs import assay_worker, stock_arq

# Beside the jobs that never end.
_FREE_SLOTS = 100


class _Jobs:
    """The first `held` jobs stay (without any, the first one only shows that the worker listens); of the `timed` ones
    after them the start is noted."""

    def __init__(self, held: int, timed: int) -> None:
        self._held = held
        self._listens = held > 0
        self._timed = timed
        self._starts: dict[str, float] = {}
        self.over = asyncio.Event()

    async def run(self, job_id: UUID | str) -> None:
        # One clock for all processes: on Linux it counts from the start of the machine.
        now = time.monotonic()
        if self._held:
            self._held -= 1
            if not self._held:
                say("holding")
            await asyncio.Event().wait()
        if not self._listens:
            self._listens = True
            say("listening")
            return
        self._starts[str(job_id)] = now
        if len(self._starts) == self._timed:
            say(self._starts)
            self.over.set()


async def _stock(redis_url: str, held: int, timed: int) -> None:
    jobs, slots = _Jobs(held, timed), held + _FREE_SLOTS
    async with stock_arq.connected(redis_url) as redis:
        # It has to read past the jobs that run, or it would never see another.
        worker = stock_arq.worker(redis, jobs.run, stock_arq.TUNED_POLL, slots, read_limit=2 * slots)
        running = asyncio.create_task(worker.async_run())
        await jobs.over.wait()
        await assay_worker.ended(running)


async def _layer(redis_url: str, held: int, timed: int) -> None:
    jobs = _Jobs(held, timed)
    async with assay_worker.listening(redis_url, held + _FREE_SLOTS, jobs.run):
        await jobs.over.wait()


async def _pipeline(redis_url: str, held: int, timed: int, dsn: str, connections: int) -> None:
    configure_logging("INFO")  # as deployed
    jobs = _Jobs(held, timed)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(dsn, "assay bench", connections))
        work = assay_worker.through_pipeline(pool, redis_url, jobs.run)
        await stack.enter_async_context(assay_worker.listening(redis_url, held + _FREE_SLOTS, work))
        await jobs.over.wait()


_MODES: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
    "stock": _stock,
    "layer": _layer,
    "pipeline": _pipeline,
}

if __name__ == "__main__":
    asked = told()
    uvloop.run(_MODES[asked.pop("mode")](**asked))
