"""What this process knows of API keys: read when they are used, and never older than a few seconds.

A revocation arrives through Redis and makes the process read the key again. Because Redis may lose messages, what was
read is also forgotten after `MAX_AGE` seconds. All keys that requests wait for are read by one statement, and one such
statement at a time, so any number of invented keys takes one connection.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import NoReturn
from uuid import UUID

from cachetools import LRUCache

from app.clients.redis.key_feed import KeyFeed
from app.domain.records.api_keys import KeyCredential
from app.outages import report_database_error
from app.repositories import api_keys
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool

# Seconds. A revoked key is accepted for at most so long where nothing arrives through Redis; 5 are promised.
MAX_AGE = 2.5
# Seconds for one read. What a slower one returns may be too old.
_READ_SECONDS = 1.5
# Keys that are remembered, unknown ones included: a few hundred bytes each.
_MAX_KEYS = 10_000
# Keys in one statement.
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a read that began at `read_at` (event loop time) has found; None if there is no such key."""

    credential: KeyCredential | None
    read_at: float


class _ReadRequest(asyncio.Event):
    """A read that one or more requests wait for. Set once it has an entry or an error; with neither, what was read may
    have been outdated already."""

    entry: _Entry | None = None
    error: Exception | None = None


class KnownKeys:
    """The keys that were used lately."""

    def __init__(self, pool: Pool, feed: KeyFeed) -> None:
        self._pool = pool
        self._feed = feed
        self._entries: LRUCache[UUID, _Entry] = LRUCache(_MAX_KEYS)
        self._requests: dict[UUID, _ReadRequest] = {}
        self._not_empty = asyncio.Event()
        # The keys of the running read, without those that have changed since it began.
        self._reading: set[UUID] = set()

    async def find(self, key_id: UUID) -> KeyCredential | None:
        """The key as it is, or was at most `MAX_AGE` seconds ago unless a change was published; None if there is none.

        Raises:
            Errors of `DATABASE_UNAVAILABLE`.
        """
        loop = asyncio.get_running_loop()
        entry = self._entries.get(key_id)
        while entry is None or loop.time() - entry.read_at > MAX_AGE:
            request = self._requests.setdefault(key_id, _ReadRequest())
            self._not_empty.set()
            await request.wait()
            if request.error:
                raise request.error
            entry = request.entry
        return entry.credential

    def forget(self, key_ids: Iterable[UUID] | None) -> None:
        """Has keys that have changed read again when they are next used; None: any key may have changed."""
        if key_ids is None:
            self._entries.clear()
            self._reading.clear()
            return
        for key_id in key_ids:
            self._entries.pop(key_id, None)
            self._reading.discard(key_id)

    async def run_subscription(self) -> NoReturn:
        """Forgets keys whose change is published, until cancelled."""
        async for key_ids in self._feed.subscribe():
            self.forget(key_ids)
        raise AssertionError("the subscription never ends")

    async def run_reads(self) -> NoReturn:
        """Reads the keys that requests wait for, until cancelled."""
        while True:
            await self._not_empty.wait()
            self._not_empty.clear()
            while self._requests:
                batch = {key_id: self._requests.pop(key_id) for key_id in list(islice(self._requests, _BATCH))}
                await self._read(batch)

    async def _read(self, requests: Mapping[UUID, _ReadRequest]) -> None:
        self._reading = set(requests)
        read_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(_READ_SECONDS):
                credentials = await api_keys.read_credentials(self._pool, requests)
            for key_id in self._reading:
                requests[key_id].entry = self._entries[key_id] = _Entry(credentials.get(key_id), read_at)
        except DATABASE_UNAVAILABLE as error:
            report_database_error(error, "reading API keys")
            for request in requests.values():
                request.error = error
        finally:
            for request in requests.values():
                request.set()
