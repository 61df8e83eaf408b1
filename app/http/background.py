"""Work off the request's path: owned, bounded, and waited for at the end."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()

# What is started here is done again by the sweeper if it is dropped, so a full house may turn work away.
_MOST = 1000


class Background:
    """Tasks that outlive the request that started them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Callable[[], Awaitable[object]]) -> None:
        """Runs `work`, unless too much runs already; what it raises is logged."""
        if len(self._tasks) >= _MOST:
            log.warning("background_full")
            return
        task = asyncio.create_task(self._logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, seconds: float) -> None:
        """Waits until all is done, and cancels what takes longer."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _logged(self, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except Exception:
            log.exception("background_raised")
