"""A server whose clients would use up all its open files: it says so, keeps what it needs itself, and recovers."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from app.settings import Settings
from tests.api import token
from tests.bank import Bank
from tests.conftest import SECRET, UNLIMITED
from tests.fakes.conditions import until

# The server's limit of open files, and more connections than it can have.
FILES = 300
FLOOD = 400
# Clients that were connected before, each of whom then needs a connection to the database.
EARLY = 20
LONG = 60.0

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def test_a_flood_of_connections_leaves_the_server_its_files(
    settings: Settings, bank: Bank, tmp_path: Path
) -> None:
    log = tmp_path / "serve.log"
    async with _server(settings, log) as process:
        await until(lambda: _logged(log, "serving"))
        await _flood(int(log.read_text().partition('"127.0.0.1:')[2].partition('"')[0]), log)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    assert log.read_text().count('"too_many_connections"') == 1


async def _flood(port: int, log: Path) -> None:
    """Connects as many clients as the server cannot have, checks that those before are served, and ends them all."""
    early = [await asyncio.open_connection("127.0.0.1", port) for _ in range(EARLY)]
    assert [await _status(connection, "/healthz") for connection in early] == [200] * EARLY
    flood = [await asyncio.open_connection("127.0.0.1", port) for _ in range(FLOOD)]
    await until(lambda: _logged(log, "too_many_connections"))
    async with asyncio.timeout(LONG):
        assert await flood[-1][0].read() == b""
    assert not flood[0][0].at_eof()
    statuses = await asyncio.gather(*(_status(connection, "/tracks") for connection in early))
    assert statuses == [200] * EARLY
    for connection in (*early, *flood):
        await _close(connection)

    async def serves_others() -> bool:
        connection = await asyncio.open_connection("127.0.0.1", port)
        try:
            return await _status(connection, "/tracks") == 200
        except (OSError, asyncio.IncompleteReadError):
            return False
        finally:
            await _close(connection)

    await until(serves_others)


@asynccontextmanager
async def _server(settings: Settings, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    named = {"DATABASE_URL": settings.secret("database_url"), "REDIS_URL": settings.secret("redis_url")}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app", "serve",
            env=os.environ | named | UNLIMITED | {"JWT_SECRET": SECRET, "PORT": "0"}, stderr=output,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES)),
        )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _close(connection: Connection) -> None:
    connection[1].close()
    with suppress(OSError):
        await connection[1].wait_closed()


async def _logged(log: Path, event: str) -> bool:
    return f'"event": "{event}"' in log.read_text()  # noqa: ASYNC240  # a few lines


async def _status(connection: Connection, path: str) -> int:
    reader, writer = connection
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token('student-1', 'student')}\r\n\r\n"
    writer.write(head.encode())
    async with asyncio.timeout(LONG):
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        await reader.readexactly(int(answer.lower().partition("content-length: ")[2].partition("\r\n")[0]))
    return int(answer.split()[1])
