"""A receiver of webhooks on loopback with scripted answers, which keeps the requests that it received."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from multidict import CIMultiDictProxy

Behaviour = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Received:
    """A received request."""

    method: str
    path: str
    headers: CIMultiDictProxy[str]
    body: bytes


class WebhookReceiver:
    """Answers each request with the next behaviour of `script`, or with `default` if that is empty.

    `connections` counts all connections that were ever made, with or without a request.
    """

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.script: deque[Behaviour] = deque()
        self.default: Behaviour = answer(204)
        self.connections = 0
        self.port = 0
        self.url = ""
        self._runner = web.ServerRunner(web.Server(self._handle, handler_cancellation=True), shutdown_timeout=0.1)

    @property
    def open_connections(self) -> int:
        """The number of open connections."""
        assert self._runner.server is not None
        return len(self._runner.server.connections)

    async def open(self, host: str, port: int, tls: ssl.SSLContext | None) -> asyncio.Server:
        """Starts to listen."""
        await self._runner.setup()
        server = await asyncio.get_running_loop().create_server(self._connected, host, port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{self.port}/hook"
        return server

    async def close(self) -> None:
        """Closes all connections."""
        await self._runner.cleanup()

    def _connected(self) -> asyncio.Protocol:
        self.connections += 1
        assert self._runner.server is not None
        return self._runner.server()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(Received(request.method, request.raw_path, request.headers, await request.read()))
        behaviour = self.script.popleft() if self.script else self.default
        return await behaviour(request)


@asynccontextmanager
async def webhook_receiver(
    host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[WebhookReceiver]:
    """A running receiver, which listens at its `url`."""
    receiver = WebhookReceiver()
    server = await receiver.open(host, port, tls)
    try:
        yield receiver
    finally:
        server.close()
        await receiver.close()


def answer(status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Behaviour:
    """Answers with this status, headers and body."""

    async def behave(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, headers=headers, body=body)

    return behave


def hang() -> Behaviour:
    """Does not answer until the client disconnects."""

    async def behave(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    return behave


def raw(data: bytes) -> Behaviour:
    """Sends these bytes instead of an answer and closes the connection."""

    async def behave(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(data)
        request.transport.close()
        return web.Response()

    return behave


def reset() -> Behaviour:
    """Aborts the connection."""

    async def behave(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return behave


@dataclass
class Endless:
    """Sends `start`, then `more` again and again while the client reads, with `pause` (s) in between; `written` counts
    the bytes."""

    start: bytes
    more: bytes
    pause: float = 0.0
    written: int = 0

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(self.start)
        while not request.transport.is_closing():
            if request.transport.get_write_buffer_size() == 0:
                request.transport.write(self.more)
                self.written += len(self.more)
            await asyncio.sleep(self.pause)
        return web.Response()
