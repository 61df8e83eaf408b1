"""Process of parts "pipeline" and "essays": a fake model provider that answers after so many seconds; sends its URL."""

import asyncio

import uvloop

from benchmarks.child_messages import receive, send
from tests.fakes.model_server import after, model_server


async def _serve(seconds: float = 0.0) -> None:
    async with model_server() as server:
        server.default = after(seconds, server.default)
        send(server.url)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(**receive()))
