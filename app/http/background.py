"""Background tasks of requests: work that the answer does not wait for."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()

# More are dropped. Everything that is started here is made up for by the workers' sweeper.
_MAX_TASKS = 1000


class BackgroundTasks:
    """Tasks that may outlive the request that started them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Callable[[], Awaitable[object]]) -> None:
        """Runs `work`, unless too many tasks are running. Its exceptions are logged."""
        if len(self._tasks) >= _MAX_TASKS:
            log.warning("background_task_dropped")
            return
        task = asyncio.create_task(self._run(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, seconds: float) -> None:
        """Waits for all tasks; cancels those that take longer than this."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except Exception:
            log.exception("background_task_failed")
