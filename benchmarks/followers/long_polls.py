"""A client that waits for changes of an assessment by long polls, with little overhead; used by the thousand."""

import asyncio
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

_TAG = re.compile(rb'\r\netag: "(\d+)"', re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_CHANGED, _UNCHANGED, _UNAVAILABLE = b"HTTP/1.1 200", b"HTTP/1.1 304", b"HTTP/1.1 503"
# Seconds until a client that was refused polls again.
_RETRY_SECONDS = 2.0
# The longest wait that the server allows, and the shortest that is used here, in seconds.
MAX_WAIT = 60
_MIN_WAIT = 30


@dataclass(frozen=True)
class TimedRevision:
    """A revision of an assessment, and when it was committed or received (s, by the machine's clock)."""

    revision: int
    at: float


@dataclass
class PollWait:
    """How long polls wait (s). It differs, so that clients that started together do not all poll again together."""

    shortest: int = _MIN_WAIT

    def next(self) -> int:
        """The wait of the next poll."""
        return random.randint(self.shortest, MAX_WAIT)  # noqa: S311  (no secret)


@dataclass(eq=False)
class LongPollClient(asyncio.Protocol):
    """Sends one long poll after the other on an open connection; `received` has each new revision of the answers,
    `failure` is why the client has stopped."""

    assessment_id: UUID
    token: str
    revision: int
    wait: PollWait
    received: list[TimedRevision] = field(default_factory=list)
    failure: Exception | None = None
    refused: int = 0
    _answer: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast and no assertion: uvloop's transports do not derive from asyncio's.
        self._transport = cast(asyncio.WriteTransport, transport)
        self._poll()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or (not head.startswith(_UNCHANGED) and length and len(body) < int(length[1])):
            return
        tag = _TAG.search(head)
        if head.startswith(_UNAVAILABLE):
            self._answer, self.refused = b"", self.refused + 1
            asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._poll)
            return
        if not head.startswith((_CHANGED, _UNCHANGED)) or tag is None:
            self.failure = RuntimeError(self._answer.decode(errors="replace"))
            self._transport.close()
            return
        if int(tag[1]) != self.revision:
            self.revision = int(tag[1])
            self.received.append(TimedRevision(self.revision, now))
        self._answer = b""
        self._poll()

    def connection_lost(self, exc: Exception | None) -> None:
        self.failure = self.failure or exc or ConnectionError("the server closed a connection")

    def close(self) -> None:
        """Closes the connection."""
        self._transport.abort()

    def _poll(self) -> None:
        self._transport.write(
            f"GET /assessments/{self.assessment_id}/status?wait={self.wait.next()} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f'Authorization: Bearer {self.token}\r\nIf-None-Match: "{self.revision}"\r\n\r\n'.encode()
        )


async def connect(clients: Sequence[LongPollClient], port: int) -> None:
    """Connects the clients one after the other, since the server's queue of new connections is limited."""
    loop = asyncio.get_running_loop()
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]


def check_all_polling(clients: Sequence[LongPollClient]) -> None:
    """Checks that no client has stopped.

    Raises:
        Exception: why one of them has.
    """
    for client in clients:
        if client.failure:
            raise client.failure
