"""Process of part "idle": a stock arq worker that has nothing to do."""

import uvloop

from benchmarks.child_messages import receive, send
from benchmarks.jobs import stock_arq

_SLOTS = 100


async def _run(redis_url: str, poll_delay: float) -> None:
    async with stock_arq.connect(redis_url) as redis:
        send("started")
        await stock_arq.make_worker(redis, _unexpected, poll_delay, _SLOTS, read_limit=5 * _SLOTS).async_run()


async def _unexpected(_: str) -> None:
    raise AssertionError("nothing is queued here")


if __name__ == "__main__":
    uvloop.run(_run(**receive()))
