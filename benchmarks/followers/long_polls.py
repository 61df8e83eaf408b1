"""Clients that wait for assessments to change: each asks, and as soon as it is answered, asks again."""

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
_CHANGED, _UNCHANGED, _TURNED_AWAY = b"HTTP/1.1 200", b"HTTP/1.1 304", b"HTTP/1.1 503"
# Seconds until who was turned away asks again.
_PAUSE = 2.0
# The longest wait that the server allows, and the shortest here, in seconds.
LONGEST = 60
_SHORTEST = 30


@dataclass(frozen=True)
class Heard:
    """A revision that a client was told of, and when, by the machine's clock (s)."""

    revision: int
    at: float


@dataclass
class Pace:
    """How long clients wait (s). Not all as long: those who came together would otherwise all ask again together."""

    shortest: int = _SHORTEST

    def wait(self) -> int:
        """For one poll."""
        return random.randint(self.shortest, LONGEST)  # noqa: S311  (no secret)


@dataclass(eq=False)
class Follower(asyncio.Protocol):
    """One long poll after the other on a connection that stays open; `heard` has what was new in their answers."""

    assessment_id: UUID
    token: str
    revision: int
    pace: Pace
    heard: list[Heard] = field(default_factory=list)
    lost: Exception | None = None
    turned_away: int = 0
    _answer: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not asserted: uvloop's transports have all of it, but are of no class of asyncio's.
        self._transport = cast(asyncio.WriteTransport, transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or (not head.startswith(_UNCHANGED) and length and len(body) < int(length[1])):
            return
        tag = _TAG.search(head)
        if head.startswith(_TURNED_AWAY):
            self._answer, self.turned_away = b"", self.turned_away + 1
            asyncio.get_running_loop().call_later(_PAUSE, self._ask)
            return
        if not head.startswith((_CHANGED, _UNCHANGED)) or tag is None:
            self.lost = RuntimeError(self._answer.decode(errors="replace"))
            self._transport.close()
            return
        if int(tag[1]) != self.revision:
            self.revision = int(tag[1])
            self.heard.append(Heard(self.revision, now))
        self._answer = b""
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = self.lost or exc or ConnectionError("the server closed a connection")

    def close(self) -> None:
        """Goes away."""
        self._transport.abort()

    def _ask(self) -> None:
        self._transport.write(
            f"GET /assessments/{self.assessment_id}/status?wait={self.pace.wait()} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f'Authorization: Bearer {self.token}\r\nIf-None-Match: "{self.revision}"\r\n\r\n'.encode()
        )


async def connect(followers: Sequence[Follower], port: int) -> None:
    """Has them all ask, one after the other, so that none is turned away for a full queue of connections."""
    loop = asyncio.get_running_loop()
    for follower in followers:
        await loop.create_connection(lambda follower=follower: follower, "127.0.0.1", port)  # type: ignore[misc]


def require_all(followers: Sequence[Follower]) -> None:
    """Everyone still waits.

    Raises:
        Exception: why one of them does not.
    """
    for follower in followers:
        if follower.lost:
            raise follower.lost
