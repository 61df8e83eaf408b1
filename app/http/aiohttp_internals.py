"""The private parts of aiohttp that this project relies on, and nothing else relies on: connections of our own class,
and requests that end before they have arrived.

tests/web/http/test_aiohttp_internals.py fails when an upgrade of aiohttp changes them.
"""

from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import _ErrInfo

# Makes the connection of a server.
ConnectionFactory = Callable[..., web.RequestHandler]


def waits_for_request(connection: web.RequestHandler) -> bool:
    """Whether the connection has answered everything that has arrived completely."""
    return connection._waiter is not None and not connection._waiter.done()


def end_waiting(connection: web.RequestHandler, status: int, error: HttpProcessingError) -> None:
    """Calls `handle_error` of a connection that waits for a request, as if a malformed one had arrived."""
    if connection._waiter is not None and not connection._waiter.done():
        connection._messages.append((_ErrInfo(status=status, exc=error, message=error.message), EMPTY_PAYLOAD))
        connection._waiter.set_result(None)


class ConnectionRunner(web.AppRunner):
    """Runs an application over connections of the given class (or made by the given function)."""

    def __init__(self, app: web.Application, connection: ConnectionFactory, **options: Any) -> None:
        super().__init__(app, **options)
        self._connection = connection

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return _Server(
            self._connection, server.request_handler, request_factory=server.request_factory, **server._kwargs
        )


class _Server(web.Server):
    def __init__(self, connection: ConnectionFactory, handler: Any, **options: Any) -> None:
        super().__init__(handler, **options)
        self._connection = connection

    def __call__(self) -> web.RequestHandler:
        return self._connection(self, loop=self._loop, **self._kwargs)
