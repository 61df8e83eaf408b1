"""SIGTERM: the server answers the requests that have arrived, and ends with status 0."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress

from app.settings import Settings
from tests.api import token
from tests.bank import Bank
from tests.conftest import SECRET, UNLIMITED
from tests.fakes.conditions import until

_CLIENTS = 30


async def test_requests_that_arrived_before_the_signal_are_answered(settings: Settings, bank: Bank) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = await _start(settings, port)
    connections = [await _connection_with_request(port) for _ in range(_CLIENTS)]
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        # Read as they come: an idle connection that is reset at the end would take an unread answer with it.
        answers = await asyncio.gather(*(reader.readuntil(b"\r\n\r\n") for reader, _ in connections))
        assert await process.wait() == 0
    for _, writer in connections:
        await _closed(writer)
    assert [answer[:15] for answer in answers] == [b"HTTP/1.1 200 OK"] * _CLIENTS
    assert b"connection: close" in answers[-1].lower()


async def _start(settings: Settings, port: int) -> asyncio.subprocess.Process:
    """A server process that is ready."""
    named = {"DATABASE_URL": settings.secret("database_url"), "REDIS_URL": settings.secret("redis_url")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "serve",
        env=os.environ | named | UNLIMITED | {"JWT_SECRET": SECRET, "PORT": str(port)},
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await until(lambda: _answers(port))
    return process


async def _answers(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    await _closed(writer)
    return b" 200 " in answer[:20]


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def _connection_with_request(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which a whole request has been sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    bearer = token("student-1", "student")
    writer.write(f"GET /tracks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n\r\n".encode())
    await writer.drain()
    return reader, writer
