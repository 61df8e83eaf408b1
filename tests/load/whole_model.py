"""The model provider of the tests as a process of its own; it answers at once."""

import asyncio

import uvloop

from tests.fakes.model_server import model_server
from tests.load.speaking import say, told


async def _serve() -> None:
    async with model_server() as server:
        say(server.url)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(**told()))
