"""When the submissions of all students that wait are counted."""

import time
from collections.abc import Callable

# Seconds, and submissions. To count thousands takes longer than to submit, so that each submission does it only where
# the limit is near. A process accepts less than this in a second.
_COUNT_SECONDS = 1.0
_NEAR = 2_000


class WaitingCount:
    """Tells whether a submission has to count those that wait: once a second, and always near the limit."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._last = 0
        self._last_at = float("-inf")

    def is_due(self) -> bool:
        """Whether they have to be counted now."""
        return self._last + _NEAR >= self._limit or self._clock() - self._last_at >= _COUNT_SECONDS

    def keep(self, waiting: int) -> None:
        """Keeps what was counted."""
        self._last, self._last_at = waiting, self._clock()
