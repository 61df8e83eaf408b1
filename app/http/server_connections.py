"""Connections of the server: they answer with problems where no route is reached, notice clients that go away, and
end where a client takes too long or there are too many."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong

from app.http.aiohttp_internals import ConnectionRunner, end_waiting, waits_for_request
from app.http.app_keys import PUBLIC_URL, QUOTA, TIME_LIMIT
from app.http.middlewares import ANSWER_SECONDS, ClientGone, add_common_headers, begin_request
from app.http.problems import (
    ADDRESS_TOO_LONG,
    HEADERS_TOO_LARGE,
    MALFORMED,
    REQUEST_TIMEOUT,
    RequestProblem,
    problem_of,
    problem_response,
)

log = structlog.get_logger()

# Bytes. The limits differ so that an error tells which one it was.
_MAX_LINE = 8190
_MAX_HEADER = 8192
_MAX_HEADERS = 128
# Seconds between two log lines about refused connections.
_LOG_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds that a client may take: for the head of a request from its first byte, for a body, between requests, and
    to read an answer."""

    head: float = 10
    body: float = 20
    idle: float = 90
    answer: float = 60


@dataclass(slots=True)
class ConnectionLimit:
    """How many connections may be open at the same time, and how many are."""

    maximum: int
    open: int = 0
    _logged_at: float = float("-inf")

    def refuse(self, now: float) -> None:
        """Logs that a connection is refused, at most once a minute."""
        if now - self._logged_at >= _LOG_SECONDS:
            self._logged_at = now
            log.warning("too_many_connections", maximum=self.maximum, setting="MAX_CONNECTIONS")


def cancelled_on_disconnect(request: web.Request) -> AbstractContextManager[None]:
    """Cancels the block when the client goes away. Other requests run to their end: they are short, and half of their
    work would be of no use."""
    connection, task = request.protocol, asyncio.current_task()
    return _Cancelling(connection, task) if isinstance(connection, _Connection) and task else nullcontext()


async def begin_stream(response: web.StreamResponse, request: web.Request) -> None:
    """Sends the head of the response.

    Raises:
        ClientGone: there is nobody to send it to.
    """
    if request.transport is None:
        raise ClientGone
    try:
        await response.prepare(request)
    except ConnectionError:
        raise ClientGone from None


async def read_body(request: web.Request) -> bytes:
    """The body of the request, within the time limit for bodies; the request has its own limit afterwards.

    Raises:
        RequestProblem: it did not arrive, or not in time.
    """
    if request.content.is_eof() and request.content.exception() is None:
        return await request.read()  # all of it has arrived already
    connection, loop = request.protocol, asyncio.get_running_loop()
    seconds = (connection.limits if isinstance(connection, _Connection) else TimeLimits()).body
    request[TIME_LIMIT].reschedule(loop.time() + seconds + ANSWER_SECONDS)
    try:
        async with asyncio.timeout(seconds):
            body = await request.read()
    except TimeoutError:
        raise RequestProblem(REQUEST_TIMEOUT, f"the body did not arrive within {seconds:g} s") from None
    except ConnectionError:
        # The client has gone, so nobody gets this answer; but a ConnectionError would count as an unavailable database.
        raise RequestProblem(MALFORMED, "the connection ended before the body") from None
    request[TIME_LIMIT].reschedule(loop.time() + ANSWER_SECONDS)
    return body


class Runner(ConnectionRunner):
    """Runs the application over these connections. Bodies are not decompressed, so that none can explode."""

    def __init__(
        self, app: web.Application, *, limits: TimeLimits | None = None, max_connections: int, **options: Any
    ) -> None:
        limits = limits or TimeLimits()
        super().__init__(
            app,
            partial(_Connection, limits, ConnectionLimit(max_connections), app),
            auto_decompress=False,
            keepalive_timeout=limits.idle,
            max_line_size=_MAX_LINE,
            max_field_size=_MAX_HEADER,
            max_headers=_MAX_HEADERS,
            **options,
        )


class _Connection(web.RequestHandler):
    __slots__ = ("_app", "_connections", "_head_timer", "limits", "on_lost")

    def __init__(
        self, limits: TimeLimits, connections: ConnectionLimit, app: web.Application, *args: Any, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.limits = limits
        self.on_lost: Callable[[], object] | None = None
        self._connections = connections
        self._app = app
        # Runs while the head of a request has begun to arrive.
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop when a client has connected."""
        super().connection_made(transport)
        self._connections.open += 1
        if self._connections.open > self._connections.maximum:
            self._connections.refuse(self._loop.time())
            self.force_close()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop when bytes have arrived."""
        super().data_received(data)
        if not waits_for_request(self):
            self._stop_head_timer()
        elif self._head_timer is None:
            self._head_timer = self._loop.call_later(self.limits.head, self._head_is_late)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Called by the event loop when the client has gone."""
        super().connection_lost(exc)
        self._connections.open -= 1
        self._stop_head_timer()
        if self.on_lost:
            self.on_lost()

    def _head_is_late(self) -> None:
        self._head_timer = None
        end_waiting(self, REQUEST_TIMEOUT.status, BadHttpMessage("the head is late"))

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Sends the answer; a problem also for what aiohttp refuses before any middleware, such as an unknown
        `Expect`."""
        # Not around the handler: that would be one more frame of memory for each request that waits.
        response = self._problem(request, resp) if isinstance(resp, web.HTTPException) else resp
        try:
            async with asyncio.timeout(self.limits.answer):
                return await super().finish_response(request, response, start_time)
        except TimeoutError:
            log.info("answer_not_read", seconds=self.limits.answer)
            if self.transport is not None:
                self.transport.abort()
            return response, True

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """The answer to bytes that are not HTTP (400), and to an exception that not even the middleware has caught."""
        if request.writer.output_size:
            raise ConnectionError("an answer is half sent; the client would read a second one as its rest")
        if status == REQUEST_TIMEOUT.status:
            log.info("request_head_late", seconds=self.limits.head)
            detail = f"the request's head did not arrive within {self.limits.head:g} s"
            response = self._problem(request, RequestProblem(REQUEST_TIMEOUT, detail))
        elif status == web.HTTPBadRequest.status_code:
            log.info("request_not_http", reason=type(exc).__name__)
            response = self._problem(request, _parser_problem(exc))
        else:
            log.error("connection_failed", status=status, exc_info=exc)
            response = self._problem(request, RuntimeError())
        response.force_close()
        return response

    def _problem(self, request: web.BaseRequest, error: Exception) -> web.Response:
        begin_request(self._app, request)
        quota = request[QUOTA]
        if quota:
            quota.take()
        response = problem_response(problem_of(error), request, self._app[PUBLIC_URL])
        add_common_headers(self._app, request, response)
        return response


@dataclass(frozen=True, slots=True)
class _Cancelling:
    _connection: _Connection
    _task: "asyncio.Task[Any]"

    def __enter__(self) -> None:
        self._connection.on_lost = self._task.cancel
        if self._connection.transport is None:
            self._task.cancel()

    def __exit__(self, *_: object) -> None:
        self._connection.on_lost = None


def _parser_problem(error: BaseException | None) -> RequestProblem:
    if isinstance(error, LineTooLong):
        if error.args[1] == _MAX_LINE:
            return RequestProblem(ADDRESS_TOO_LONG, f"the request line may have {_MAX_LINE} bytes")
        return RequestProblem(HEADERS_TOO_LARGE, f"a header may have {_MAX_HEADER} bytes, its name included")
    if isinstance(error, BadHttpMessage) and error.message.startswith("Too many headers"):
        return RequestProblem(HEADERS_TOO_LARGE, f"a request may have {_MAX_HEADERS} headers")
    return RequestProblem(MALFORMED, "these bytes are not an HTTP/1.1 request")
