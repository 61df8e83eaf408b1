"""A line to a server that can be cut and mended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class CutLine:
    """The same server at `url`; while the line is cut, connections break and new ones are refused."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._port = 0

    @property
    def url(self) -> str:
        """Where clients connect."""
        here = self._target.netloc.replace(f":{self._target.port}", f":{self._port}")
        return self._target._replace(netloc=here).geturl()

    async def mend(self) -> None:
        """Takes connections (again)."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Breaks what is open and takes nothing new."""
        assert self._server
        self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._open |= {writer, back}
        await asyncio.gather(_pump(reader, back), _pump(there, writer))
        self._open -= {writer, back}


@asynccontextmanager
async def cut_line(url: str) -> AsyncIterator[CutLine]:
    """A line that is whole."""
    line = CutLine(url)
    await line.mend()
    try:
        yield line
    finally:
        line.cut()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
