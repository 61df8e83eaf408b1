"""Ending tasks for good."""

import asyncio
from typing import Any

# Seconds after which a task that is still there is cancelled again.
_AGAIN = 1.0


async def end(*tasks: "asyncio.Future[Any]") -> None:
    """Cancels what still runs and returns when all have ended. Once is not always enough: in rare moments a library
    loses a cancellation (asyncpg's `wait_for` when its result comes just then, redis-py when a connection breaks while
    it is given back), and work that goes on for ever would go on."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN)
    await asyncio.gather(*tasks, return_exceptions=True)
