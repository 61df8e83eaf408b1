"""The model provider of the tests as a process of its own; it answers at once, or after so many seconds."""

import asyncio

import uvloop

from benchmarks.child_messages import say, told
from tests.fakes.model_server import after, model_server


async def _serve(seconds: float = 0.0) -> None:
    async with model_server() as server:
        server.default = after(seconds, server.default)
        say(server.url)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(**told()))
