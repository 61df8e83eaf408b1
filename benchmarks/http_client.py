"""An HTTP client that sends prepared requests over open connections with little overhead; a process of its own."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import uvloop

from benchmarks.child_messages import receive, send
from benchmarks.processes import cpu_seconds
from benchmarks.report import percentile

_LENGTH = b"content-length:"


class _Connection(asyncio.Protocol):
    """Sends one request after the other; `done` is resolved when no request remains."""

    def __init__(self, status: int) -> None:
        self._expected = f"HTTP/1.1 {status} ".encode()
        self.seconds: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast and no assertion: uvloop's transports do not derive from asyncio's.
        self._transport = cast(asyncio.WriteTransport, transport)

    def begin(self, requests: Iterator[bytes]) -> None:
        self.seconds = []
        self.done = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, _, body = self._answer.partition(b"\r\n\r\n")
        if len(head) < len(self._answer) and len(body) >= _content_length(head):
            self.seconds.append(time.perf_counter() - self._sent)
            if not head.startswith(self._expected):
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


def _content_length(head: bytes) -> int:
    lowered = head.lower()
    start = lowered.find(_LENGTH) + len(_LENGTH)
    # An answer of status 304 has none.
    return 0 if start < len(_LENGTH) else int(lowered[start:].split(b"\r\n", 1)[0])


def send_requests(port: int, requests: list[str], clients: int, status: int = 202) -> None:
    """Sends the requests over so many connections.

    Raises:
        RuntimeError: an answer had another status.
    """

    async def send_all() -> None:
        await _send_all(await _connect(port, clients, status), [request.encode() for request in requests])

    uvloop.run(send_all())


async def _measure(
    port: int, requests: list[bytes], clients: int, warmup: int, status: int, servers: list[int]
) -> dict[str, float]:
    """Rate, percentiles (ms), the server's CPU time (ms for each request) and the share of its busiest process in that,
    of the requests without those of the warm-up; `servers` are the ids of the server's processes."""
    connections = await _connect(port, clients, status)
    await _send_all(connections, requests[:warmup])
    started, before = time.perf_counter(), [cpu_seconds(pid) for pid in servers]
    await _send_all(connections, requests[warmup:])
    seconds = time.perf_counter() - started
    cpu = [cpu_seconds(pid) - earlier for pid, earlier in zip(servers, before, strict=True)]
    times = [1000 * request_seconds for connection in connections for request_seconds in connection.seconds]
    return {
        "rate": len(times) / seconds,
        "p50": percentile(times, 50),
        "p99": percentile(times, 99),
        "cpu": 1000 * sum(cpu) / len(times),
        "busiest": max(cpu) / sum(cpu) if sum(cpu) else 1.0,
    }


async def _connect(port: int, clients: int, status: int) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    connections = [await loop.create_connection(lambda: _Connection(status), "127.0.0.1", port) for _ in range(clients)]
    return [protocol for _, protocol in connections]


async def _send_all(connections: list[_Connection], requests: list[bytes]) -> None:
    remaining = iter(requests)
    for connection in connections:
        connection.begin(remaining)
    await asyncio.gather(*(connection.done for connection in connections))


if __name__ == "__main__":
    arguments = receive()
    file = Path(arguments.pop("requests"))
    send(uvloop.run(_measure(requests=[request.encode() for request in json.loads(file.read_text())], **arguments)))
