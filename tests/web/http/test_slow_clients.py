"""Clients that stall, go away or are too many: each wait for one of them has an end, and none is an error of ours."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pytest_aiohttp.plugin import AiohttpClient
from structlog.testing import capture_logs

from app.http.server_connections import TimeLimits
from app.repositories.sql import Pool
from app.server import create_app
from app.settings import Settings
from tests.api import Api
from tests.fakes.conditions import until
from tests.web.conftest import ProductServer
from tests.web.http.test_server_connections import send, statuses_of

LONG = 30.0
SHORT = 0.2
Start = Callable[..., Awaitable[Api]]


@pytest.fixture
def start(aiohttp_client: AiohttpClient, settings: Settings) -> Start:
    """Starts servers with limits of their own."""

    async def start(max_connections: int = 1000, **limits: float) -> Api:
        server = ProductServer(create_app(settings), limits=TimeLimits(**limits), max_connections=max_connections)
        client: Any = await aiohttp_client(server)
        return Api(client)

    return start


def head_of_post(api: Api, length: int) -> bytes:
    """The head of a request with a body."""
    return (
        f"POST /assessments HTTP/1.1\r\nHost: x\r\nAuthorization: {api.bearer}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


async def test_a_body_that_stalls_is_answered_with_408(start: Start) -> None:
    api = await start(body=SHORT)
    answer = await send(api, head_of_post(api, 99) + b'{"track": ')
    assert (answer.status, answer.headers["Content-Type"]) == (408, "application/problem+json")
    assert answer.body["type"] == "/problems/request-timeout"
    assert answer.headers["Connection"] == "close"


async def test_a_head_that_stalls_is_answered_with_408(start: Start) -> None:
    api = await start(head=SHORT)
    for half in (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ", b"G"):
        answer = await send(api, half)
        assert (answer.status, answer.headers["Content-Type"]) == (408, "application/problem+json")
        assert answer.body["type"] == "/problems/request-timeout"
        assert answer.headers["X-Request-ID"] == answer.body["request_id"]


async def test_the_limit_of_the_head_ends_with_the_head(start: Start) -> None:
    """A request that was answered, and a body on its way, are not cut off by the limit of the head."""
    api = await start(head=SHORT)
    reader, writer = await asyncio.open_connection(api.client.host, api.client.port)
    for _ in range(2):
        writer.write(b"GET /healthz HTTP/1.1\r\nHo")
        await writer.drain()
        writer.write(b"st: x\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        await reader.readuntil(b"}")
    writer.write(head_of_post(api, 2))
    await asyncio.sleep(2 * SHORT)  # the limit has to pass
    writer.write(b"{}")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 422")
    writer.close()
    await writer.wait_closed()


async def test_an_idle_connection_is_closed(start: Start) -> None:
    api = await start(idle=SHORT)
    reader, writer = await asyncio.open_connection(api.client.host, api.client.port)
    async with asyncio.timeout(LONG):
        assert await reader.read() == b""
    writer.close()


async def test_an_answer_that_is_not_read_ends_its_connection(start: Start) -> None:
    api = await start(answer=SHORT)
    reader, writer = await asyncio.open_connection(api.client.host, api.client.port, limit=1)
    with capture_logs() as logs:
        # Together far more than the buffers of both sockets hold.
        writer.write(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        await until(lambda: _logged(logs, "answer_not_read"))
    async with asyncio.timeout(LONG):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(10**9)
    writer.close()


async def test_connections_over_the_limit_are_closed_and_logged_once(start: Start) -> None:
    api = await start(max_connections=2)
    with capture_logs() as logs:
        open_ones = [await asyncio.open_connection(api.client.host, api.client.port) for _ in range(2)]
        for _ in range(3):
            reader, writer = await asyncio.open_connection(api.client.host, api.client.port)
            async with asyncio.timeout(LONG):
                assert await reader.read() == b""
            writer.close()
    assert [line["setting"] for line in logs if line["event"] == "too_many_connections"] == ["MAX_CONNECTIONS"]
    for _, writer in open_ones:
        writer.close()
        await writer.wait_closed()
    await until(lambda: _answers(api))


@pytest.mark.parametrize("target", ["events", "export"])
async def test_a_client_that_goes_before_the_head_of_a_stream_is_no_error(
    api: Api, path: str, pool: Pool, target: str
) -> None:
    streamed = f"{path}/events" if target == "events" else "/analytics/feedback?format=csv"
    caller = api if target == "events" else api.as_("admin")
    request = f"GET {streamed} HTTP/1.1\r\nHost: x\r\nAuthorization: {caller.bearer}\r\n\r\n"
    with capture_logs() as logs:
        async with pool.acquire() as blocker, blocker.transaction():
            await blocker.execute("LOCK TABLE assessments")
            _, writer = await asyncio.open_connection(api.client.host, api.client.port)
            writer.write(request.encode())
            await until(lambda: _blocked(pool))
            writer.transport.abort()
            await until(lambda: _lost_one(api))
        await until(lambda: _logged(logs, "request"))
    assert [line["status"] for line in logs if line["event"] == "request"] == [499]
    assert [line["log_level"] for line in logs if line["event"] == "client_gone"] == ["debug"]
    assert not [line for line in logs if line["log_level"] in ("warning", "error")]
    assert "499" in await statuses_of(
        api, "/assessments/{assessment_id}/events" if target == "events" else "/analytics/feedback"
    )


async def _logged(logs: Any, event: str) -> bool:
    return any(line["event"] == event for line in logs)


async def _blocked(pool: Pool) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(await pool.fetchval(waiting) == 1)


async def _lost_one(api: Api) -> bool:
    server = api.client.server.runner.server  # type: ignore[union-attr]
    return server is not None and any(connection.transport is None for connection in server.connections)


async def _answers(api: Api) -> bool:
    try:
        return (await api.get("/healthz")).status == 200
    except OSError:
        return False
