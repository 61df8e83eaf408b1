"""Connections that answer with problems even what never comes to a route."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web

from app.http.middlewares import add_common_headers, assign_request_id
from app.http.problems import MALFORMED, RequestProblem, problem

log = structlog.get_logger()


def ending_with_client(request: web.Request) -> AbstractContextManager[None]:
    """What happens inside ends (`CancelledError`) when the client goes away. Other requests are finished: their work is
    short, and half of it would be of no use to anybody."""
    connection, task = request.protocol, asyncio.current_task()
    return connection.cancelling(task) if isinstance(connection, _Connection) and task else nullcontext()


class Runner(web.AppRunner):
    """Runs the application over such connections; no body is decompressed, so none can explode."""

    def __init__(self, app: web.Application, **options: Any) -> None:
        super().__init__(app, auto_decompress=False, **options)

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made.request_handler, request_factory=made.request_factory, **made._kwargs)


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    __slots__ = ("_on_lost",)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._on_lost: Callable[[], object] | None = None

    def cancelling(self, task: "asyncio.Task[Any]") -> "_Cancelling":
        """Cancels the task when the client goes away while the block runs."""
        return _Cancelling(self, task)

    def on_lost(self, act: Callable[[], object] | None) -> None:
        """What is done when the client goes away."""
        self._on_lost = act

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client went away."""
        super().connection_lost(exc)
        if self._on_lost:
            self._on_lost()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Sends the answer: a problem also for what aiohttp refuses before any middleware, such as a strange
        `Expect`."""
        # Here and not around the handler, where it would be one frame more of memory for each request that waits.
        answer = _refusal(request, resp) if isinstance(resp, web.HTTPException) else resp
        return await super().finish_response(request, answer, start_time)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """The answer to bytes that are no HTTP (400), and to what even the middleware let through."""
        if request.writer.output_size:
            raise ConnectionError("an answer is half sent; a second one would be read as its rest")
        if status == web.HTTPBadRequest.status_code:
            log.info("not_http", reason=type(exc).__name__)
            response = _refusal(request, RequestProblem(MALFORMED, "these bytes are no HTTP/1.1 request"))
        else:
            log.error("connection_failed", status=status, exc_info=exc)
            response = _refusal(request, RuntimeError())
        response.force_close()
        return response


@dataclass(frozen=True, slots=True)
class _Cancelling:
    _connection: _Connection
    _task: "asyncio.Task[Any]"

    def __enter__(self) -> None:
        self._connection.on_lost(self._task.cancel)

    def __exit__(self, *_: object) -> None:
        self._connection.on_lost(None)


def _refusal(request: web.BaseRequest, error: Exception) -> web.Response:
    assign_request_id(request)
    response = problem(error, request)
    add_common_headers(request, response)
    return response
