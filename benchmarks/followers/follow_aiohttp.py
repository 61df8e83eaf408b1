"""Process of part "follow": a bare aiohttp server for long polls, which verifies nothing and reads no database.

A poll waits for a future, which a message through Redis resolves. It sends its port."""

import asyncio
from collections import defaultdict

import uvloop
from aiohttp import web
from redis.asyncio import Redis

from benchmarks.child_messages import receive, send

CHANNEL = "bench:changed"
_ID_CHARACTERS = 36


class _LongPollServer:
    def __init__(self, body: bytes) -> None:
        self._body = body
        self._revisions: dict[str, int] = defaultdict(int)
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def status(self, request: web.Request) -> web.Response:
        """Answers once there is a newer revision than the client's."""
        assessment_id, known = request.match_info["assessment_id"], int(request.headers["If-None-Match"].strip('"'))
        if self._revisions[assessment_id] <= known:
            self._waiting[assessment_id] = asyncio.get_running_loop().create_future()
            await self._waiting[assessment_id]
        tag = f'"{self._revisions[assessment_id]}"'
        return web.Response(body=self._body, content_type="application/json", headers={"ETag": tag})

    async def subscribe(self, redis: Redis) -> None:
        """Receives messages, each an id followed by the new revision."""
        async with redis.pubsub() as channel:
            await channel.subscribe(CHANNEL)
            async for message in channel.listen():
                if message["type"] == "message":
                    text = message["data"].decode()
                    self._change(text[:_ID_CHARACTERS], int(text[_ID_CHARACTERS:]))

    def _change(self, assessment_id: str, revision: int) -> None:
        self._revisions[assessment_id] = revision
        waiting = self._waiting.pop(assessment_id, None)
        if waiting and not waiting.done():
            waiting.set_result(None)


async def _serve(redis_url: str, body_bytes: int) -> None:
    server = _LongPollServer(b"x" * body_bytes)
    app = web.Application()
    app.router.add_get("/assessments/{assessment_id}/status", server.status)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    send(runner.addresses[0][1])
    async with Redis.from_url(redis_url) as redis:
        await server.subscribe(redis)


if __name__ == "__main__":
    uvloop.run(_serve(**receive()))
