"""A proxy before Postgres on loopback that holds back one answer, so that others overtake it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

# What asyncpg calls a prepared statement when it is made and each time that it runs.
_NAME = re.compile(rb"__asyncpg_stmt_\w+__")


class HeldAnswer:
    """Lets a statement whose text has `marker` run once (`passed`), and holds the answer to the second run; `asked` is
    set when that was sent on, and nothing of the answer reaches the client before `let_go`."""

    def __init__(self, marker: bytes) -> None:
        self.marker = marker
        self._open = asyncio.Event()
        self.passed = asyncio.Event()
        self.asked = asyncio.Event()

    def let_go(self) -> None:
        """Passes the answer on."""
        self._open.set()

    async def serve(self, target: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        upstream_reader, upstream_writer = await asyncio.open_connection(target, port)
        line = _Line(self)
        await asyncio.gather(line.forward(reader, upstream_writer), line.answer(upstream_reader, writer))

    async def opened(self) -> None:
        """Returns when the answer may pass."""
        await self._open.wait()


@dataclass
class _Line:
    """A connection; `first` and `held` say what it is waiting for an answer to, `name` is the prepared statement's."""

    answers: HeldAnswer
    name: bytes = b""
    first: bool = False
    held: bool = False

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await _read(reader):
            if self.answers.marker in data:
                # The name stands right before the text; what else is sent with it may name other statements.
                self.name = _NAME.findall(data.partition(self.answers.marker)[0])[-1]
            elif self.name and self.name in data:
                self.first = not self.answers.passed.is_set()
                self.held = not self.first and not self.answers.asked.is_set()
            writer.write(data)
            if self.held:
                self.answers.asked.set()
        writer.close()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await _read(reader):
            if self.held:
                await self.answers.opened()
            writer.write(data)
            if self.first:
                self.answers.passed.set()
        writer.close()


@asynccontextmanager
async def holding(url: str, marker: bytes) -> AsyncIterator[tuple[str, HeldAnswer]]:
    """The same Postgres by another address, and the answer that is held there."""
    target, held = urlsplit(url), HeldAnswer(marker)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await held.serve(str(target.hostname), target.port or 0, reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield target._replace(netloc=target.netloc.replace(f":{target.port}", f":{port}")).geturl(), held
    finally:
        held.let_go()
        server.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(65536)
    except ConnectionError:
        return b""
