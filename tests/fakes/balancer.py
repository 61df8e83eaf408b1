"""Clients of several servers: one that is as simple as a balancer, and one that never gives up."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from tests.api import Reply, token

_GONE = (aiohttp.ClientError, OSError, TimeoutError)
_PAUSE = 0.1


class NobodyThere(OSError):
    """No server takes connections."""


@dataclass
class Balancer:
    """Sends each request to the next server that takes connections, each on a connection of its own.

    `in_flight` counts the requests at each server now; `outcomes` what became of all: statuses, `replayed`, `refused`
    connections, and `unanswered` on a connection that was taken.
    """

    session: aiohttp.ClientSession
    urls: Sequence[str]
    in_flight: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    _turns: Iterator[int] = field(default_factory=itertools.count)

    async def send(self, method: str, path: str, raw: bytes | None, headers: dict[str, str]) -> Reply:
        """The answer.

        Raises:
            NobodyThere: every server refuses connections.
            aiohttp.ClientError, OSError, TimeoutError: a server took the request and did not answer it.
        """
        turn = next(self._turns)
        for place in range(len(self.urls)):
            url = self.urls[(turn + place) % len(self.urls)]
            try:
                return await self._sent(url, method, path, raw, headers)
            except aiohttp.ClientConnectorError:
                self.outcomes["refused"] += 1
        raise NobodyThere

    async def _sent(self, url: str, method: str, path: str, raw: bytes | None, headers: dict[str, str]) -> Reply:
        self.in_flight[url] += 1
        try:
            async with self.session.request(method, url + path, data=raw, headers=headers) as answer:
                reply = Reply(answer.status, answer.headers, await answer.read())
        except aiohttp.ClientConnectorError:
            raise
        except _GONE:
            self.outcomes["unanswered"] += 1
            raise
        finally:
            self.in_flight[url] -= 1
        self.outcomes[str(reply.status)] += 1
        self.outcomes["replayed"] += "Idempotent-Replayed" in reply.headers
        return reply


@dataclass(frozen=True)
class PatientClient:
    """One student's client: sends a request with the same key until a server has answered it for good."""

    balancer: Balancer
    owner: str
    seconds: float = 120.0

    async def send(self, method: str, path: str, json: Any = None, key: str | None = None) -> Reply:
        """The first answer that is not about passing trouble."""
        deadline = time.monotonic() + self.seconds
        while True:
            try:
                reply = await self.send_once(method, path, json, key)
                if not _passing(reply):
                    return reply
            except _GONE:
                pass
            assert time.monotonic() < deadline, f"no answer to {method} {path}"
            await asyncio.sleep(_PAUSE)

    async def send_once(self, method: str, path: str, json: Any = None, key: str | None = None) -> Reply:
        """The first answer of a server, as `Balancer.send` has it."""
        raw = None if json is None else orjson.dumps(json)
        headers = {"Content-Type": "application/json"} if raw else {}
        headers |= {"Authorization": f"Bearer {token(self.owner, 'student')}"}
        headers |= {"Idempotency-Key": key} if key else {}
        return await self.balancer.send(method, path, raw, headers)


def _passing(reply: Reply) -> bool:
    return reply.status == 503 or (reply.status == 409 and reply.body["type"].endswith("/idempotency-key-in-flight"))


def connections() -> aiohttp.ClientSession:
    """A session that keeps no connection, since one that its server has closed meanwhile cannot be told from one on
    which a request was lost."""
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30))
