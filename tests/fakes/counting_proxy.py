"""Proxies on loopback that count statements sent to Postgres and round trips to Redis."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_SSL_REQUEST = 80877103


class Traffic:
    """Counts the traffic of one kind of server."""

    def connection(self) -> tuple[Callable[[bytes], None], Callable[[], None]]:
        """Two listeners for a new connection: for bytes that the client sends, and for answers of the server."""
        raise NotImplementedError


@dataclass
class Statements(Traffic):
    """The texts of the statements that Postgres executed, and the number of round trips."""

    executed: list[str] = field(default_factory=list)
    round_trips: int = 0

    def connection(self) -> tuple[Callable[[bytes], None], Callable[[], None]]:
        return _Frontend(self).feed, lambda: None


class _Frontend:
    """Reads one client's side of PostgreSQL's wire protocol."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._buffer = b""
        self._started = False
        self._prepared: dict[bytes, str] = {}
        self._bound = b""

    def feed(self, data: bytes) -> None:
        self._buffer += data
        while self._take():
            pass

    def _take(self) -> bool:
        head = 1 if self._started else 0
        if len(self._buffer) < head + 4:
            return False
        size = head + int.from_bytes(self._buffer[head : head + 4])
        if len(self._buffer) < size:
            return False
        message, self._buffer = self._buffer[:size], self._buffer[size:]
        if self._started:
            self._read(message[:1], message[5:])
        else:
            self._started = int.from_bytes(message[4:8]) != _SSL_REQUEST
        return True

    def _read(self, kind: bytes, body: bytes) -> None:
        if kind == b"P":
            name, text, _ = body.split(b"\0", 2)
            self._prepared[name] = text.decode()
        elif kind == b"B":
            self._bound = body.split(b"\0", 2)[1]
        elif kind == b"E":
            self._statements.executed.append(self._prepared[self._bound])
        elif kind == b"Q":
            self._statements.executed.append(body.rstrip(b"\0").decode())
            self._statements.round_trips += 1
        elif kind == b"S":
            self._statements.round_trips += 1


@dataclass
class RoundTrips(Traffic):
    """Counts how often a client sent something after the server's last answer, if that has `containing` in it."""

    containing: bytes = b""
    count: int = 0

    def connection(self) -> tuple[Callable[[bytes], None], Callable[[], None]]:
        waiting = False

        def sent(data: bytes) -> None:
            nonlocal waiting
            self.count += not waiting and self.containing in data
            waiting = True

        def answered() -> None:
            nonlocal waiting
            waiting = False

        return sent, answered


@asynccontextmanager
async def counting_proxy(url: str, traffic: Traffic) -> AsyncIterator[str]:
    """A URL that leads to the same server through a proxy, whose traffic is counted."""
    target = urlsplit(url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent, answered = traffic.connection()
        upstream_reader, upstream_writer = await asyncio.open_connection(target.hostname, target.port)
        await asyncio.gather(
            _pump(reader, upstream_writer, sent),
            _pump(upstream_reader, writer, lambda _: answered()),
        )

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield target._replace(netloc=target.netloc.replace(f":{target.port}", f":{port}")).geturl()
    finally:
        server.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listen: Callable[[bytes], None]) -> None:
    try:
        while data := await reader.read(65536):
            listen(data)
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
