"""Process of part "webhooks": plain aiohttp posts signed messages over new connections; sends the rate per second."""

import asyncio
import time
from collections.abc import Sequence
from uuid import uuid4

import aiohttp
import uvloop

from app.domain.webhook.signing import signed_headers
from benchmarks.child_messages import receive, send


async def _measure(urls: Sequence[str], body: str, secret: str, slots: int) -> float:
    remaining = iter(urls)
    connector = aiohttp.TCPConnector(limit=slots, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def post() -> None:
            for url in remaining:
                headers = signed_headers(uuid4(), time.time(), body, [secret])
                async with session.post(url, data=body.encode(), headers=headers) as answer:
                    assert answer.status == 204

        started = time.perf_counter()
        await asyncio.gather(*(post() for _ in range(slots)))
        return len(urls) / (time.perf_counter() - started)


if __name__ == "__main__":
    send(uvloop.run(_measure(**receive())))
