"""Plain aiohttp: the same bodies, signed anew for each message, posted to the same receivers over new connections."""

import asyncio
import time
from collections.abc import Sequence
from uuid import uuid4

import aiohttp
import uvloop

from app.domain.webhook.delivery import signed_headers
from benchmarks.child_messages import say, told


async def _run(urls: Sequence[str], body: str, secret: str, slots: int) -> float:
    left = iter(urls)
    connector = aiohttp.TCPConnector(limit=slots, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def post() -> None:
            for url in left:
                headers = signed_headers(uuid4(), time.time(), body, [secret])
                async with session.post(url, data=body.encode(), headers=headers) as answer:
                    assert answer.status == 204

        started = time.perf_counter()
        await asyncio.gather(*(post() for _ in range(slots)))
        return len(urls) / (time.perf_counter() - started)


if __name__ == "__main__":
    say(uvloop.run(_run(**told())))
