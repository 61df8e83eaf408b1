"""The private parts of aiohttp that this project relies on, and nothing else relies on: connections of our own class.

tests/web/http/test_aiohttp_internals.py fails when an upgrade of aiohttp changes them.
"""

from typing import Any

from aiohttp import web


class ConnectionRunner(web.AppRunner):
    """Runs an application over connections of the given class."""

    def __init__(self, app: web.Application, connection: type[web.RequestHandler], **options: Any) -> None:
        super().__init__(app, **options)
        self._connection = connection

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return _Server(
            self._connection, server.request_handler, request_factory=server.request_factory, **server._kwargs
        )


class _Server(web.Server):
    def __init__(self, connection: type[web.RequestHandler], handler: Any, **options: Any) -> None:
        super().__init__(handler, **options)
        self._connection = connection

    def __call__(self) -> web.RequestHandler:
        return self._connection(self, loop=self._loop, **self._kwargs)
