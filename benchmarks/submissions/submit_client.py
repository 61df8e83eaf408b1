"""Sends ready-made requests over connections that stay open, with as little work of its own as it can."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import uvloop

from benchmarks.child_messages import say, told
from benchmarks.report import percentile

_LENGTH = b"content-length:"
_EXPECTED = b"HTTP/1.1 202"


class _Connection(asyncio.Protocol):
    """Sends one request after the other; `done` ends when there is none left."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not asserted: uvloop's transports have all of it, but are of no class of asyncio's.
        self._transport = cast(asyncio.WriteTransport, transport)

    def begin(self, requests: Iterator[bytes]) -> None:
        self.seconds = []
        self.done = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, _, body = self._answer.partition(b"\r\n\r\n")
        if len(head) < len(self._answer) and len(body) >= _length(head):
            self.seconds.append(time.perf_counter() - self._sent)
            if not head.startswith(_EXPECTED):
                self.done.set_exception(RuntimeError(self._answer.decode()))
            self._answer = b""
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed a connection"))

    def _send(self) -> None:
        request = next(self._requests, None)
        if request is not None:
            self._sent = time.perf_counter()
            self._transport.write(request)
        elif not self.done.done():
            self.done.set_result(None)


def _length(head: bytes) -> int:
    lowered = head.lower()
    start = lowered.index(_LENGTH) + len(_LENGTH)
    return int(lowered[start:].split(b"\r\n", 1)[0])


def send(port: int, requests: list[str], clients: int) -> list[float]:
    """Sends them over so many connections; the seconds that each took.

    Raises:
        RuntimeError: an answer was no 202.
    """
    return uvloop.run(_send(port, [request.encode() for request in requests], clients))


async def _send(port: int, requests: list[bytes], clients: int) -> list[float]:
    connections = await _connect(port, clients)
    await _send_all(connections, requests)
    return [each for connection in connections for each in connection.seconds]


async def _measure(port: int, ready: list[bytes], clients: int, warm: int) -> dict[str, float]:
    """The first `warm` requests are not counted."""
    connections = await _connect(port, clients)
    await _send_all(connections, ready[:warm])
    started = time.perf_counter()
    await _send_all(connections, ready[warm:])
    seconds = time.perf_counter() - started
    taken = [each * 1000 for connection in connections for each in connection.seconds]
    return {"rate": len(taken) / seconds, "p50": percentile(taken, 50), "p99": percentile(taken, 99)}


async def _connect(port: int, clients: int) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(_Connection, "127.0.0.1", port) for _ in range(clients)]
    return [connection for _, connection in made]


async def _send_all(connections: list[_Connection], requests: list[bytes]) -> None:
    left = iter(requests)
    for connection in connections:
        connection.begin(left)
    await asyncio.gather(*(connection.done for connection in connections))


if __name__ == "__main__":
    asked = told()
    in_file = json.loads(Path(asked["requests"]).read_text())
    ready = [request.encode() for request in in_file]
    say(uvloop.run(_measure(asked["port"], ready, asked["clients"], asked["warm"])))
