"""Process of part "submit": a bare aiohttp server whose handler only answers 202; sends its port."""

import asyncio

import uvloop
from aiohttp import web

from benchmarks.child_messages import receive, send


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
    send(runner.addresses[0][1])
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(**receive()))
