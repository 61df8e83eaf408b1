"""Rate limits: a token bucket for each caller, and for each address that sends requests without a valid token."""

import heapq
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.http.client_address import address_group
from app.setting_types import Rate

# Buckets that are kept at the same time, a few megabytes.
_MAX_BUCKETS = 20_000


class TokenBuckets:
    """A token bucket for each key: `rate.requests` at once, refilled evenly within `rate.seconds`.

    A bucket is kept as one number, the time at which it will be full again. If there are too many, the fullest are
    given up first, which are usually full: to be rid of one's own empty bucket, one would have to empty all others.
    """

    def __init__(
        self, rate: Rate, max_buckets: int = _MAX_BUCKETS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.policy = f'"default";q={rate.requests};w={rate.seconds}'
        self._seconds = rate.seconds
        self._interval = rate.seconds / rate.requests
        # Sums of intervals are not exact, and a request must not wait for a rounding error.
        self._full = rate.seconds + self._interval / 100
        self._max_buckets = max_buckets
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def take(self, key: str) -> float:
        """Takes a token and returns 0; if there is none, the seconds until there is one."""
        now = self._clock()
        full_at = max(self._full_at.get(key, now), now) + self._interval
        if full_at - now > self._full:
            return full_at - now - self._seconds
        if key not in self._full_at and len(self._full_at) >= self._max_buckets:
            self._make_room()
        self._full_at[key] = full_at
        return 0

    def left(self, key: str) -> str:
        """What is left, as the header field `RateLimit`: tokens, and the seconds until the bucket is full."""
        now = self._clock()
        until_full = max(self._full_at.get(key, now) - now, 0)
        return f'"default";r={int((self._full - until_full) / self._interval)};t={math.ceil(until_full)}'

    def _make_room(self) -> None:
        for key in heapq.nsmallest(max(self._max_buckets // 4, 1), self._full_at, self._full_at.__getitem__):
            del self._full_at[key]


@dataclass(frozen=True, slots=True)
class Quota:
    """The bucket that a request counts against."""

    _buckets: TokenBuckets
    _key: str

    def take(self) -> float:
        """Takes a token and returns 0; if there is none, the seconds until there is one."""
        return self._buckets.take(self._key)

    def headers(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """The header fields that say how much is left."""
        return ("RateLimit-Policy", self._buckets.policy), ("RateLimit", self._buckets.left(self._key))


class RateLimits:
    """The limits of a server; a rate of 0 limits nothing."""

    def __init__(self, caller: Rate, address: Rate) -> None:
        self._of_caller = None if caller.off else TokenBuckets(caller)
        self._of_address = None if address.off else TokenBuckets(address)

    def of_caller(self, principal: str) -> Quota | None:
        """The quota of a caller with a valid token."""
        return Quota(self._of_caller, principal) if self._of_caller else None

    def of_address(self, address: str) -> Quota | None:
        """The quota of requests without a valid token from this address."""
        return Quota(self._of_address, address_group(address)) if self._of_address else None
