"""A bare aiohttp handler that verifies nothing and answers 202: as fast as aiohttp alone can be."""

import asyncio

import uvloop
from aiohttp import web

from benchmarks.child_messages import say, told


async def _serve(body_bytes: int) -> None:
    body = b"x" * body_bytes

    async def accept(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=body, status=202, content_type="application/json")

    app = web.Application()
    app.router.add_post("/assessments/{assessment_id}/submit", accept)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    say(runner.addresses[0][1])
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(**told()))
