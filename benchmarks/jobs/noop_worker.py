"""One worker process that drains a full queue of jobs that do nothing; says how many a second."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import uvloop

from app.telemetry import configure_logging
from app.wiring.context import open_pool
from benchmarks.child_messages import say, told
from benchmarks.jobs import assay_worker, stock_arq


@dataclass
class _Countdown:
    """Sees the last job start."""

    left: int
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def count(self, _: object) -> None:
        self.left -= 1
        if self.left == 0:
            self.over.set()


async def _stock(redis_url: str, count: int, slots: int, read_limit: int) -> float:
    async with stock_arq.connected(redis_url) as redis:
        await stock_arq.fill(redis, count)
        countdown = _Countdown(count)
        worker = stock_arq.worker(redis, countdown.count, stock_arq.TUNED_POLL, slots, read_limit)
        started = time.perf_counter()
        running = asyncio.create_task(worker.async_run())
        await countdown.over.wait()
        seconds = time.perf_counter() - started
        await assay_worker.ended(running)
    return count / seconds


async def _layer(redis_url: str, count: int, slots: int) -> float:
    await assay_worker.ring(redis_url, [uuid4() for _ in range(count)])
    countdown, started = _Countdown(count), time.perf_counter()
    async with assay_worker.listening(redis_url, slots, countdown.count):
        await countdown.over.wait()
        return count / (time.perf_counter() - started)


async def _pipeline(redis_url: str, dsn: str, job_ids: list[str], slots: int, connections: int) -> float:
    configure_logging("INFO")  # as deployed: a job's lines are part of its cost
    jobs = [UUID(job_id) for job_id in job_ids]
    await assay_worker.ring(redis_url, jobs)
    countdown = _Countdown(len(jobs))
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(dsn, "assay bench", connections))
        work = assay_worker.through_pipeline(pool, redis_url, _nothing)

        async def run(job_id: UUID) -> None:
            # Counted when it is finished in Postgres, unlike a job that is nothing but a message.
            await work(job_id)
            await countdown.count(job_id)

        started = time.perf_counter()
        await stack.enter_async_context(assay_worker.listening(redis_url, slots, run))
        await countdown.over.wait()
        return len(jobs) / (time.perf_counter() - started)


async def _nothing(_: UUID) -> None:
    pass


_MODES: dict[str, Callable[..., Coroutine[Any, Any, float]]] = {
    "stock": _stock,
    "layer": _layer,
    "pipeline": _pipeline,
}

if __name__ == "__main__":
    asked = told()
    say(uvloop.run(_MODES[asked.pop("mode")](**asked)))
