"""A model provider on loopback with scripted behaviour that records the requests."""

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
    """Answers `POST /v1/chat/completions` (or with another prefix) by the next behaviour of `script`, or else by
    `default`: good scores. `POST /v1/embeddings` has a script of its own, and is unknown (404) by default."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.script: deque[Behaviour] = deque()
        self.default: Behaviour = scores(20)
        self.embedding_requests: list[dict[str, Any]] = []
        self.embedding_script: deque[Behaviour] = deque()
        self.embedding_default: Behaviour = failure(404)
        self.url = ""

    async def answer_chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        behaviour = self.script.popleft() if self.script else self.default
        return await behaviour(request, body)

    async def answer_embeddings(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.embedding_requests.append(body)
        behaviour = self.embedding_script.popleft() if self.embedding_script else self.embedding_default
        return await behaviour(request, body)


@asynccontextmanager
async def model_server() -> AsyncIterator[ModelServer]:
    """A running server; `url` is the OPENAI_BASE_URL."""
    server = ModelServer()
    app = web.Application()
    app.router.add_post("/{prefix:.+}/chat/completions", server.answer_chat)
    app.router.add_post("/{prefix:.+}/embeddings", server.answer_embeddings)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


def scores(points: int, quotes: list[str] | None = None, rationale: str = "Well argued.") -> Behaviour:
    """The same points in each dimension; without `quotes`, the beginning of the essay is quoted."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        shown = quotes if quotes is not None else [essay_of(body)[:40]]
        dimension = {"quotes": shown, "rationale": rationale, "score": points}
        return completion(json.dumps(dict.fromkeys(DIMENSIONS, dimension)))(request, body)

    return behave


def text(content: str | None, **message: Any) -> Behaviour:
    """A completion with any content, and with `finish_reason` or `refusal` if given."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return completion(content, **message)(request, body)

    return behave


def after(seconds: float, behaviour: Behaviour) -> Behaviour:
    """The same behaviour after some time."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await behaviour(request, body)

    return behave


def failure(status: int, code: str | None = None, headers: dict[str, str] | None = None) -> Behaviour:
    """An error response of the provider."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        error = {"message": "scripted", "type": "scripted", "code": code}
        return web.json_response({"error": error}, status=status, headers=headers)

    return behave


def hang() -> Behaviour:
    """No answer until the client disconnects."""

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


def completion(
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
