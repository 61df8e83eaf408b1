"""What this project relies on in the private parts of aiohttp; it fails when an upgrade changes them."""

import inspect

import aiohttp
from aiohttp import web
from aiohttp.test_utils import unused_port

from app.http.aiohttp_internals import ConnectionRunner


class Connection(web.RequestHandler):
    """A connection that counts its instances."""

    made = 0

    def __init__(self, manager: web.Server, **options: object) -> None:
        super().__init__(manager, **options)  # type: ignore[arg-type]
        Connection.made += 1


async def test_connections_of_our_class_serve_with_the_options_of_the_runner() -> None:
    async def hello(request: web.Request) -> web.Response:
        assert isinstance(request.protocol, Connection)
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    runner = ConnectionRunner(app, Connection, access_log=None, keepalive_timeout=7.0)
    await runner.setup()
    try:
        port = unused_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as response:
            assert await response.text() == "hello"
        assert runner.server is not None
        assert (Connection.made, runner.server._kwargs["keepalive_timeout"]) == (1, 7.0)
    finally:
        await runner.cleanup()


def test_the_private_parts_have_not_changed() -> None:
    assert inspect.iscoroutinefunction(web.AppRunner._make_server)
    made = inspect.getsource(web.Server.__call__)
    # A connection gets the loop and all options of its server, as ours does.
    assert "RequestHandler(self, loop=self._loop, **self._kwargs)" in made
    parameters = inspect.signature(web.Server.__init__).parameters
    assert [*parameters] == ["self", "handler", "request_factory", "handler_cancellation", "loop", "kwargs"]
    # A connection that waits for a request wakes up at its waiter and takes the first message.
    started = inspect.getsource(web.RequestHandler.start)
    assert "await self._waiter" in started and "message, payload = self._messages.popleft()" in started
    assert "isinstance(message, _ErrInfo)" in started
