"""Values that take long to compute, kept for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from cachetools import TTLCache

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class RecentValues(Generic[_Key, _Value]):
    """The values of the newest keys, each for so many seconds. Whoever asks while a value is computed waits for that
    computation, so that many readers cost as much as one."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._tasks: TTLCache[_Key, asyncio.Task[_Value]] = TTLCache(most, seconds, clock)

    async def read(self, key: _Key, compute: Callable[[], Awaitable[_Value]]) -> _Value:
        """The value of the key. What `compute` raises reaches all who wait for it, and is not kept."""
        task = self._tasks.get(key)
        if task is None:

            async def run() -> _Value:
                return await compute()

            def forget_failure(ended: asyncio.Task[_Value]) -> None:
                failed = ended.cancelled() or ended.exception() is not None
                if failed and self._tasks.get(key) is ended:
                    del self._tasks[key]

            self._tasks[key] = task = asyncio.create_task(run())
            task.add_done_callback(forget_failure)
        # One who goes away does not take the value from the others.
        return await asyncio.shield(task)
