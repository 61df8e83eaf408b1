"""Clients of several servers: a load balancer without retries, and a client that retries until it has an answer."""

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

_CONNECTION_ERRORS = (aiohttp.ClientError, OSError, TimeoutError)
_RETRY_SECONDS = 0.1


class NoServerAvailable(OSError):
    """No server accepts connections."""


@dataclass
class Balancer:
    """Sends each request, on a new connection, to the next server that accepts connections.

    `in_flight` counts the requests at each server now. `outcomes` counts the results: each status, `replayed` answers,
    `refused` connections, and requests `unanswered` on an accepted connection.
    """

    session: aiohttp.ClientSession
    urls: Sequence[str]
    in_flight: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    _turns: Iterator[int] = field(default_factory=itertools.count)

    async def send(self, method: str, path: str, raw: bytes | None, headers: dict[str, str]) -> Reply:
        """The answer.

        Raises:
            NoServerAvailable: every server refuses connections.
            aiohttp.ClientError, OSError, TimeoutError: a server accepted the request and did not answer it.
        """
        turn = next(self._turns)
        for offset in range(len(self.urls)):
            url = self.urls[(turn + offset) % len(self.urls)]
            try:
                return await self._send_to(url, method, path, raw, headers)
            except aiohttp.ClientConnectorError:
                self.outcomes["refused"] += 1
        raise NoServerAvailable

    async def _send_to(self, url: str, method: str, path: str, raw: bytes | None, headers: dict[str, str]) -> Reply:
        self.in_flight[url] += 1
        try:
            async with self.session.request(method, url + path, data=raw, headers=headers) as answer:
                reply = Reply(answer.status, answer.headers, await answer.read())
        except aiohttp.ClientConnectorError:
            raise
        except _CONNECTION_ERRORS:
            self.outcomes["unanswered"] += 1
            raise
        finally:
            self.in_flight[url] -= 1
        self.outcomes[str(reply.status)] += 1
        self.outcomes["replayed"] += "Idempotent-Replayed" in reply.headers
        return reply


@dataclass(frozen=True)
class PatientClient:
    """One caller's client: repeats a request with the same idempotency key until it has a final answer."""

    balancer: Balancer
    owner: str
    seconds: float = 120.0
    role: str = "student"

    async def send(self, method: str, path: str, json: Any = None, key: str | None = None) -> Reply:
        """The first answer that is not a temporary failure."""
        deadline = time.monotonic() + self.seconds
        while True:
            try:
                reply = await self.send_once(method, path, json, key)
                if not _temporary(reply):
                    return reply
            except _CONNECTION_ERRORS:
                pass
            assert time.monotonic() < deadline, f"no answer to {method} {path}"
            await asyncio.sleep(_RETRY_SECONDS)

    async def send_once(self, method: str, path: str, json: Any = None, key: str | None = None) -> Reply:
        """The answer to one request; raises as `Balancer.send` does."""
        raw = None if json is None else orjson.dumps(json)
        headers = {"Content-Type": "application/json"} if raw else {}
        headers |= {"Authorization": f"Bearer {token(self.owner, self.role)}"}
        headers |= {"Idempotency-Key": key} if key else {}
        return await self.balancer.send(method, path, raw, headers)


def _temporary(reply: Reply) -> bool:
    return reply.status == 503 or (reply.status == 409 and reply.body["type"].endswith("/idempotency-key-in-flight"))


def open_session() -> aiohttp.ClientSession:
    """A session that opens a connection for each request. On a kept connection, one that its server has closed looks
    the same as a lost request."""
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30))
