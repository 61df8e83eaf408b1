"""Stopping a process, and ending tasks for good."""

import asyncio
import os
import signal
import sys
from typing import Any

# Seconds after which a task that is still there is cancelled again.
_AGAIN = 1.0


def stop_event(*, with_stdin: bool) -> asyncio.Event:
    """Set by SIGTERM or SIGINT, and `with_stdin` by the end of standard input: whoever started the process holds the
    other end, so that nothing outlives a starter that was killed."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if with_stdin:
        loop.add_reader(sys.stdin.fileno(), _at_end, stop, loop)
    return stop


def _at_end(stop: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        loop.remove_reader(sys.stdin.fileno())
        stop.set()


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
