"""The keys of an identity provider, kept in memory and up to date.

A set is fetched at the start and every few minutes, so that keys which the provider has removed stop counting, and when
a token names a key that is not in it. While the provider is unavailable, the last set counts.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NoReturn

import structlog

from app.clients.jwks.fetch import FETCH_SECONDS, JwksError, fetch_key_set
from app.clients.jwks.key_set import KeySet
from app.lifecycle import cancel_and_wait
from app.outages import Outage

log = structlog.get_logger()

# Share of the time between refreshes that is random, so that servers started together do not ask together.
_JITTER = 0.4


@dataclass(frozen=True)
class RefreshTimes:
    """Seconds between two refreshes, before the next after a failed one, between two because of unknown keys, and for
    one; the clock that they are measured with, and what spreads them."""

    refresh: float = 250.0
    retry: float = 10.0
    unknown_key: float = 30.0
    fetch: float = FETCH_SECONDS
    clock: Callable[[], float] = time.monotonic
    random_fraction: Callable[[], float] = random.random


class KeysUnavailable(Exception):
    """There are no keys yet, because the provider does not deliver them."""


class KeyCache:
    """The newest key set of a provider. `run` keeps it up to date."""

    def __init__(self, url: str, times: RefreshTimes) -> None:
        self._url = url
        self._times = times
        self._keys: KeySet | None = None
        self._flight: asyncio.Task[None] | None = None
        # Set as soon as the first fetch has ended, successful or not.
        self._tried = asyncio.Event()
        # The earliest time of the next refresh because of an unknown key.
        self._next_for_unknown_key = float("-inf")
        self._outage = Outage("jwks_unavailable", "jwks_available", setting="JWT_JWKS_URL")

    @property
    def newest(self) -> KeySet | None:
        """The newest set, or None before the first was fetched."""
        return self._keys

    async def read(self) -> KeySet:
        """The newest set. At the start it waits for the first fetch, which has a time limit.

        Raises:
            KeysUnavailable: no set was ever fetched.
        """
        await self._tried.wait()
        if self._keys is None:
            raise KeysUnavailable
        return self._keys

    async def read_for_unknown_key(self) -> KeySet:
        """The set after a refresh, since a token names a key that is not in the present one. Such refreshes are rare,
        whether they succeed or not: anybody can send such tokens. Callers at the same time share one.

        Raises:
            KeysUnavailable: no set was ever fetched.
        """
        now = self._times.clock()
        if self._flight is not None:
            await self._refresh()
        elif now >= self._next_for_unknown_key:
            self._next_for_unknown_key = now + self._times.unknown_key
            await self._refresh()
        return await self.read()

    async def run(self) -> NoReturn:
        """Refreshes the set from time to time, until cancelled."""
        while True:
            await self._refresh()
            # Also until the end of an outage is in the log.
            fails = self._keys is None or self._outage.is_ongoing
            seconds = self._times.retry if fails else self._times.refresh
            await asyncio.sleep(seconds * (1 + _JITTER * (self._times.random_fraction() - 0.5)))

    async def close(self) -> None:
        """Cancels a fetch that still runs."""
        if self._flight is not None:
            await cancel_and_wait(self._flight)

    async def _refresh(self) -> None:
        """Waits for the fetch that runs, or for a new one. A caller that goes away does not end it for the others."""
        if self._flight is None:
            self._flight = asyncio.create_task(self._fetch())
        await asyncio.shield(self._flight)

    async def _fetch(self) -> None:
        try:
            keys = await fetch_key_set(self._url, self._times.fetch)
        except JwksError as error:
            self._outage.report(error, "fetching the keys of tokens")
        except Exception:
            log.exception("jwks_refresh_failed")
        else:
            self._replace(keys)
            self._outage.record_success()
        finally:
            self._tried.set()
            self._flight = None

    def _replace(self, keys: KeySet) -> None:
        if keys != self._keys:
            # Without usable keys every token is refused, which is what a provider that removes all of them wants.
            level = log.info if keys.keys else log.error
            level("jwks_changed", keys=[str(key) for key in keys.keys], remarks=list(keys.remarks))
        self._keys = keys


@asynccontextmanager
async def updated(cache: KeyCache) -> AsyncIterator[None]:
    """Keeps the cache up to date while the block runs."""
    task = asyncio.create_task(cache.run())
    try:
        yield
    finally:
        await cancel_and_wait(task)
        await cache.close()
