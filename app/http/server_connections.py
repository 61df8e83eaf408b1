"""Connections of the server: they answer with problems where no route is reached, and notice clients that go away."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web

from app.http.aiohttp_internals import ConnectionRunner
from app.http.middlewares import add_common_headers, assign_request_id
from app.http.problems import MALFORMED, RequestProblem, problem

log = structlog.get_logger()


def cancelled_on_disconnect(request: web.Request) -> AbstractContextManager[None]:
    """Cancels the block when the client goes away. Other requests run to their end: they are short, and half of their
    work would be of no use."""
    connection, task = request.protocol, asyncio.current_task()
    return _Cancelling(connection, task) if isinstance(connection, _Connection) and task else nullcontext()


class Runner(ConnectionRunner):
    """Runs the application over these connections. Bodies are not decompressed, so that none can explode."""

    def __init__(self, app: web.Application, **options: Any) -> None:
        super().__init__(app, _Connection, auto_decompress=False, **options)


class _Connection(web.RequestHandler):
    __slots__ = ("on_lost",)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.on_lost: Callable[[], object] | None = None

    def connection_lost(self, exc: BaseException | None) -> None:
        """Called by the event loop when the client has gone."""
        super().connection_lost(exc)
        if self.on_lost:
            self.on_lost()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Sends the answer; a problem also for what aiohttp refuses before any middleware, such as an unknown
        `Expect`."""
        # Not around the handler: that would be one more frame of memory for each request that waits.
        response = _problem(request, resp) if isinstance(resp, web.HTTPException) else resp
        return await super().finish_response(request, response, start_time)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """The answer to bytes that are not HTTP (400), and to an exception that not even the middleware has caught."""
        if request.writer.output_size:
            raise ConnectionError("an answer is half sent; the client would read a second one as its rest")
        if status == web.HTTPBadRequest.status_code:
            log.info("request_not_http", reason=type(exc).__name__)
            response = _problem(request, RequestProblem(MALFORMED, "these bytes are not an HTTP/1.1 request"))
        else:
            log.error("connection_failed", status=status, exc_info=exc)
            response = _problem(request, RuntimeError())
        response.force_close()
        return response


@dataclass(frozen=True, slots=True)
class _Cancelling:
    _connection: _Connection
    _task: "asyncio.Task[Any]"

    def __enter__(self) -> None:
        self._connection.on_lost = self._task.cancel

    def __exit__(self, *_: object) -> None:
        self._connection.on_lost = None


def _problem(request: web.BaseRequest, error: Exception) -> web.Response:
    assign_request_id(request)
    response = problem(error, request)
    add_common_headers(request, response)
    return response
