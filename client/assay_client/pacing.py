"""How long a client waits for an answer, and when it asks again."""

import asyncio
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

# What is asked for is lengthened by up to this share, lest those who were turned away together come back together.
_SPREAD = 0.2


class Clock:
    """Time as it passes. One that runs faster, for tests or simulations, overrides both methods."""

    def now(self) -> float:
        """Seconds since some fixed moment."""
        return time.monotonic()

    def real(self, seconds: float) -> float:
        """How long to really sleep for so many seconds of this clock."""
        return seconds

    async def sleep(self, seconds: float) -> None:
        """Returns after so many seconds of this clock."""
        await asyncio.sleep(self.real(seconds))


@dataclass(frozen=True)
class Pacing:
    """The limits of one call, in tries and seconds. A try is cut off after `try_seconds`; `tries` are made at most, and
    none begins later than `seconds` after the first. Pauses begin at about `first` and double up to `longest`, unless
    the service asks for longer ones; `chance` in [0, 1) spreads them."""

    tries: int = 10
    seconds: float = 60.0
    try_seconds: float = 30.0
    first: float = 0.2
    longest: float = 10.0
    chance: Callable[[], float] = random.random

    def pause(self, failed: int, asked: float | None) -> float:
        """Seconds until the next try after so many failed ones: never less than `asked`."""
        backoff = min(self.longest, self.first * 2.0 ** min(failed - 1, 30)) * (0.5 + 0.5 * self.chance())
        return backoff if asked is None else max(backoff, asked * (1 + _SPREAD * self.chance()))


def seconds_asked(retry_after: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, of either form: a number or a date. None where it is missing or makes
    no sense."""
    if retry_after is None:
        return None
    if re.fullmatch("[0-9]{1,18}", retry_after):
        return float(retry_after)
    try:
        date = parsedate_to_datetime(retry_after)
        # Of the forms of HTTP's dates one names no zone; all of them mean UTC.
        return max(0.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
