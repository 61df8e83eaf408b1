"""Deadlines for thousands of waits, with one timer for all that end at about the same time."""

import asyncio
from math import ceil
from typing import Any, TypeVar

_T = TypeVar("_T")
_Wait = asyncio.Future[Any]
# Seconds that a wait may last beyond its deadline.
_TICK = 0.25


class Deadlines:
    """Resolves waits with None at their deadline, up to a quarter of a second late. All waits that end within the same
    tick share one timer, because a timer for each would need more memory than the wait itself."""

    def __init__(self) -> None:
        self._due: dict[int, set[_Wait]] = {}

    @property
    def waiting(self) -> int:
        """How many waits have a deadline."""
        return sum(len(waits) for waits in self._due.values())

    def add(self, wait: _Wait, deadline: float) -> None:
        """Resolves the wait with None at the deadline (event loop time)."""
        tick = ceil(deadline / _TICK)
        if tick not in self._due:
            self._due[tick] = set()
            asyncio.get_running_loop().call_at(tick * _TICK, self._end, tick)
        self._due[tick].add(wait)

    def discard(self, wait: _Wait, deadline: float) -> None:
        """Forgets the wait."""
        self._due.get(ceil(deadline / _TICK), set()).discard(wait)

    def _end(self, tick: int) -> None:
        for wait in self._due.pop(tick):
            resolve(wait, None)


def resolve(wait: "asyncio.Future[_T]", value: _T) -> None:
    """Resolves the wait, unless it has ended already."""
    if not wait.done():
        wait.set_result(value)
