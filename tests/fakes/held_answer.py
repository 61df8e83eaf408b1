"""A proxy before Postgres on loopback that holds back one answer, so that others overtake it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class HeldAnswer:
    """Holds the answer to the next statement whose text has `marker`; `asked` is set when it was sent to Postgres and
    answered, and nothing of that goes on to the client before `let_go`."""

    def __init__(self, marker: bytes) -> None:
        self._marker = marker
        self._open = asyncio.Event()
        self.asked = asyncio.Event()

    def let_go(self) -> None:
        """Passes the answer on."""
        self._open.set()

    async def serve(self, target: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        upstream_reader, upstream_writer = await asyncio.open_connection(target, port)
        held = asyncio.Event()
        await asyncio.gather(self._forward(reader, upstream_writer, held), self._answer(upstream_reader, writer, held))

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, held: asyncio.Event) -> None:
        while data := await _read(reader):
            if self._marker in data and not self.asked.is_set():
                held.set()
                self.asked.set()
            writer.write(data)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, held: asyncio.Event) -> None:
        prepared = False
        while data := await _read(reader):
            # The first answer describes the statement; the second one has its rows.
            if held.is_set() and prepared:
                await self._open.wait()
            prepared = prepared or held.is_set()
            writer.write(data)
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
