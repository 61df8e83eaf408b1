"""A proxy before Postgres on loopback that delays one response, so that others overtake it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

# The name that asyncpg gives a prepared statement; it is sent with the text and at each execution.
_NAME = re.compile(rb"__asyncpg_stmt_\w+__")


class HeldPostgresResponse:
    """Lets a statement whose text contains `marker` run once (then `passed` is set), and holds the response to its
    second execution until `release`; `sent` is set when that execution was passed on to Postgres, and `answered` when
    Postgres has answered."""

    def __init__(self, marker: bytes) -> None:
        self.marker = marker
        self._open = asyncio.Event()
        self.passed = asyncio.Event()
        self.sent = asyncio.Event()
        self.answered = asyncio.Event()

    def release(self) -> None:
        """Passes the response on."""
        self._open.set()

    async def serve(self, target: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forwards one connection."""
        upstream_reader, upstream_writer = await asyncio.open_connection(target, port)
        connection = _HeldConnection(self)
        await asyncio.gather(
            connection.forward_requests(reader, upstream_writer), connection.forward_responses(upstream_reader, writer)
        )

    async def wait_for_release(self) -> None:
        """Returns when the response may pass."""
        await self._open.wait()


@dataclass
class _HeldConnection:
    """One connection. `name` is that of the prepared statement; `first` and `held` say which of its executions the
    connection waits for."""

    response: HeldPostgresResponse
    name: bytes = b""
    first: bool = False
    held: bool = False

    async def forward_requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await _read(reader):
            if self.response.marker in data:
                # The name is right before the text; other data in the same packet may name other statements.
                self.name = _NAME.findall(data.partition(self.response.marker)[0])[-1]
            elif self.name and self.name in data:
                self.first = not self.response.passed.is_set()
                self.held = not self.first and not self.response.sent.is_set()
            writer.write(data)
            if self.held:
                self.response.sent.set()
        writer.close()

    async def forward_responses(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await _read(reader):
            if self.held:
                self.response.answered.set()
                await self.response.wait_for_release()
            writer.write(data)
            if self.first:
                self.response.passed.set()
        writer.close()


@asynccontextmanager
async def hold_postgres_response(url: str, marker: bytes) -> AsyncIterator[tuple[str, HeldPostgresResponse]]:
    """The URL of a proxy to the same Postgres, and the response that it holds."""
    target, held = urlsplit(url), HeldPostgresResponse(marker)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await held.serve(str(target.hostname), target.port or 0, reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield target._replace(netloc=target.netloc.replace(f":{target.port}", f":{port}")).geturl(), held
    finally:
        held.release()
        server.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(65536)
    except ConnectionError:
        return b""
