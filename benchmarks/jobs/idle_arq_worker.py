"""A stock arq worker process that has nothing to do."""

import uvloop

from benchmarks.child_messages import say, told
from benchmarks.jobs import stock_arq

_SLOTS = 100


async def _run(redis_url: str, poll_delay: float) -> None:
    async with stock_arq.connected(redis_url) as redis:
        say("started")
        await stock_arq.worker(redis, _never, poll_delay, _SLOTS, read_limit=5 * _SLOTS).async_run()


async def _never(_: str) -> None:
    raise AssertionError("nothing is queued here")


if __name__ == "__main__":
    uvloop.run(_run(**told()))
