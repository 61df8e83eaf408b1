"""A stock arq worker process that has nothing to do."""

import uvloop

from benchmarks import stock
from benchmarks.speaking import say, told

_SLOTS = 100


async def _run(redis_url: str, poll_delay: float) -> None:
    async with stock.connected(redis_url) as redis:
        say("started")
        await stock.worker(redis, _never, poll_delay, _SLOTS, read_limit=5 * _SLOTS).async_run()


async def _never(_: str) -> None:
    raise AssertionError("nothing is queued here")


if __name__ == "__main__":
    uvloop.run(_run(**told()))
