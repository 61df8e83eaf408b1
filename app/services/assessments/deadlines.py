"""Deadlines of thousands of waits."""

import asyncio
from math import ceil
from typing import Any, TypeVar

_T = TypeVar("_T")
_Wait = asyncio.Future[Any]
# Seconds that a wait may last longer than it should.
_TICK = 0.25


class Deadlines:
    """Ends waits with None when their time is over, up to a quarter of a second late: one timer for all of a tick. A
    timer for each would cost more memory than the wait itself."""

    def __init__(self) -> None:
        self._due: dict[int, set[_Wait]] = {}

    @property
    def waiting(self) -> int:
        """How many have a deadline."""
        return sum(len(waits) for waits in self._due.values())

    def add(self, wait: _Wait, deadline: float) -> None:
        """Ends it at the deadline (of the loop's clock)."""
        tick = ceil(deadline / _TICK)
        if tick not in self._due:
            self._due[tick] = set()
            asyncio.get_running_loop().call_at(tick * _TICK, self._end, tick)
        self._due[tick].add(wait)

    def discard(self, wait: _Wait, deadline: float) -> None:
        """Forgets it."""
        self._due.get(ceil(deadline / _TICK), set()).discard(wait)

    def _end(self, tick: int) -> None:
        for wait in self._due.pop(tick):
            resolve(wait, None)


def resolve(wait: "asyncio.Future[_T]", value: _T) -> None:
    """Ends a wait, unless it has ended."""
    if not wait.done():
        wait.set_result(value)
