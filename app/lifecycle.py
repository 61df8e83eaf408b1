"""Stopping: signals that a process is told to stop by, and cancelling tasks reliably."""

import asyncio
import os
import signal
import sys
from typing import Any

# Seconds after which a task that still runs is cancelled again.
_CANCEL_INTERVAL = 1.0


def stop_event(*, with_stdin: bool) -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets, and `with_stdin` the end of standard input: the process that started this
    one holds the other end, so that this one stops even if that is killed."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if with_stdin:
        loop.add_reader(sys.stdin.fileno(), _read_stdin, stop, loop)
    return stop


def _read_stdin(stop: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        loop.remove_reader(sys.stdin.fileno())
        stop.set()


async def cancel_and_wait(*tasks: "asyncio.Future[Any]") -> None:
    """Cancels the tasks that still run and returns when all have ended. One cancellation is not always enough:
    libraries lose one in rare moments (asyncpg's `wait_for` when its result comes just then, redis-py when a connection
    breaks while it is returned to the pool), and an endless loop would go on."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCEL_INTERVAL)
    await asyncio.gather(*tasks, return_exceptions=True)
