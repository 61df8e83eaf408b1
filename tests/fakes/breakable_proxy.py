"""A proxy on loopback whose connections a test can break and restore."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit


class BreakableProxy:
    """Leads to the server through `url`. After `cut`, connections are broken and new ones refused until `restore`.
    After `hold`, nothing passes on the connections that are open."""

    def __init__(self, url: str, path: Path | None = None, tls: ssl.SSLContext | None = None) -> None:
        """Listens on a port, with TLS if there is a context for it, or on the Unix socket at `path`."""
        self.path = path
        self._tls = tls
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._port = 0
        self._passing: list[asyncio.Event] = []
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where clients connect."""
        netloc = self._target.netloc.replace(f":{self._target.port}", f":{self._port}")
        return self._target._replace(netloc=netloc).geturl()

    def move(self, url: str) -> None:
        """Leads new connections to another server, and keeps those that are open, as a changed DNS entry does."""
        target = urlsplit(url)
        credentials = self._target.netloc.rpartition("@")[0]
        self._target = target._replace(netloc=f"{credentials}@{target.hostname}:{target.port}")

    async def restore(self) -> None:
        """Accepts connections, again or for the first time."""
        if self.path:
            self._server = await asyncio.start_unix_server(self._accept, self.path)
            return
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Breaks all open connections and refuses new ones."""
        assert self._server
        self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def close(self) -> None:
        """Breaks all connections, also those that are held, and ends."""
        self.cut()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def hold(self) -> None:
        """Passes nothing on any more, as a network does that has lost a host; new connections are not concerned."""
        for passes in self._passing:
            passes.clear()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        except (ConnectionError, asyncio.CancelledError):
            writer.close()
            return
        self._open |= {writer, server_writer}
        passes = asyncio.Event()
        passes.set()
        self._passing.append(passes)
        await asyncio.gather(_pump(reader, server_writer, passes), _pump(server_reader, writer, passes))
        self._open -= {writer, server_writer}


@asynccontextmanager
async def breakable_proxy(
    url: str, path: Path | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[BreakableProxy]:
    """A proxy that accepts connections."""
    proxy = BreakableProxy(url, path, tls)
    await proxy.restore()
    try:
        yield proxy
    finally:
        await proxy.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: asyncio.Event) -> None:
    try:
        while data := await reader.read(65536):
            await passes.wait()
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
