"""Process of part "workers": does the jobs of a queue, which do nothing, until it is stopped; sends True when it takes
messages."""

import asyncio
from uuid import UUID

import uvloop

from app.telemetry import configure_logging
from app.wiring.pool import open_pool
from benchmarks.child_messages import receive, send
from benchmarks.jobs import assay_worker


async def _consume(redis_url: str, dsn: str, name: str, slots: int, connections: int) -> None:
    configure_logging("INFO")  # as deployed: the log lines of a job are part of its cost
    async with open_pool(dsn, name, connections) as pool:
        run = assay_worker.with_job_runner(pool, redis_url, _do_nothing)
        async with assay_worker.running_worker(redis_url, slots, run):
            send(True)
            await asyncio.Event().wait()


async def _do_nothing(_: UUID) -> None:
    pass


if __name__ == "__main__":
    uvloop.run(_consume(**receive()))
