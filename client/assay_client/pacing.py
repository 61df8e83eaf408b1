"""Limits and pauses of retries, and the clock that measures them."""

import asyncio
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

# A Retry-After is lengthened by up to this share, so that clients that were turned away together spread out.
_RETRY_AFTER_JITTER = 0.2


class Clock:
    """Real time. Subclass it for tests and simulations: override `now` and `real`."""

    def now(self) -> float:
        """Seconds since some fixed moment."""
        return time.monotonic()

    def real(self, seconds: float) -> float:
        """How many real seconds to sleep for so many seconds of this clock."""
        return seconds

    async def sleep(self, seconds: float) -> None:
        """Sleeps for so many seconds of this clock."""
        await asyncio.sleep(self.real(seconds))


@dataclass(frozen=True)
class Pacing:
    """Retry limits of one call.

    Each attempt times out after `try_seconds`; there are at most `tries` attempts, and none begins later than `seconds`
    after the first. Pauses start at about `first` seconds and double up to `longest`; where the service asks for a
    longer pause, it gets it. `chance` returns numbers in [0, 1) for the jitter.
    """

    tries: int = 10
    seconds: float = 60.0
    try_seconds: float = 30.0
    first: float = 0.2
    longest: float = 10.0
    random_fraction: Callable[[], float] = random.random

    def pause(self, failed: int, retry_after: float | None) -> float:
        """Seconds until the next attempt after `failed` failed ones; never less than `retry_after`."""
        backoff = min(self.longest, self.first * 2.0 ** min(failed - 1, 30)) * (0.5 + 0.5 * self.random_fraction())
        if retry_after is None:
            return backoff
        return max(backoff, retry_after * (1 + _RETRY_AFTER_JITTER * self.random_fraction()))


def parse_retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks to wait, which may be a number or a date; None where it is missing or
    invalid."""
    if value is None:
        return None
    if re.fullmatch("[0-9]{1,18}", value):
        return float(value)
    try:
        date = parsedate_to_datetime(value)
        # One of the date formats of HTTP has no time zone; all of them are in UTC.
        return max(0.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
