"""A model provider on loopback that does as it is told and remembers what it was asked."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Behaviour = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]
DIMENSIONS = ("relevance", "depth", "clarity", "technical")


class ModelServer:
    """Answers `POST /v1/chat/completions` by the next scripted behaviour, or else by good scores, and
    `POST /v1/embeddings` by one of its own script, or else as if there were none."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.script: deque[Behaviour] = deque()
        self.default: Behaviour = scores(20)
        self.embedding_requests: list[dict[str, Any]] = []
        self.embedding_script: deque[Behaviour] = deque()
        self.embedding_default: Behaviour = failure(404)
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        behaviour = self.script.popleft() if self.script else self.default
        return await behaviour(request, body)

    async def embed(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.embedding_requests.append(body)
        behaviour = self.embedding_script.popleft() if self.embedding_script else self.embedding_default
        return await behaviour(request, body)


@asynccontextmanager
async def model_server() -> AsyncIterator[ModelServer]:
    """A running server; `url` is the OPENAI_BASE_URL."""
    server = ModelServer()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.handle)
    app.router.add_post("/v1/embeddings", server.embed)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


def scores(points: int, quotes: list[str] | None = None, rationale: str = "Well argued.") -> Behaviour:
    """The same points in each dimension; without `quotes`, the essay's first word is quoted."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        told = quotes if quotes is not None else [essay_of(body).split()[0]]
        dimension = {"quotes": told, "rationale": rationale, "score": points}
        return says(json.dumps(dict.fromkeys(DIMENSIONS, dimension)))(request, body)

    return behave


def text(content: str | None, **message: Any) -> Behaviour:
    """Any content, with `finish_reason` or `refusal` if named."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return says(content, **message)(request, body)

    return behave


def after(seconds: float, behaviour: Behaviour) -> Behaviour:
    """The same, after some time."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await behaviour(request, body)

    return behave


def failure(status: int, code: str | None = None, headers: dict[str, str] | None = None) -> Behaviour:
    """An error of the provider."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        error = {"message": "scripted", "type": "scripted", "code": code}
        return web.json_response({"error": error}, status=status, headers=headers)

    return behave


def hang() -> Behaviour:
    """No answer until the caller goes away."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    return behave


def reset() -> Behaviour:
    """The connection is cut."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return behave


def essay_of(body: dict[str, Any]) -> str:
    """The essay in a recorded request."""
    essay: str = json.loads(body["messages"][1]["content"])["essay"]
    return essay


def says(
    content: str | None, finish_reason: str = "stop", refusal: str | None = None
) -> Callable[[web.Request, dict[str, Any]], web.Response]:
    """A completion with this content."""

    def respond(request: web.Request, body: dict[str, Any]) -> web.Response:
        message = {"role": "assistant", "content": content, "refusal": refusal}
        return web.json_response(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
                "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
            }
        )

    return respond
