"""Tasks that run as long as something is open or at the same time, signals that a process is told to stop by, and
reliable cancelling."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NoReturn, TypeVar

import structlog

log = structlog.get_logger()

_First = TypeVar("_First")
_Second = TypeVar("_Second")

# Seconds after which a task that still runs is cancelled again.
_CANCEL_INTERVAL = 1.0
# Seconds before a task that has failed starts again.
_RESTART_SECONDS = 0.5


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


async def run_both(first: Coroutine[Any, Any, _First], second: Coroutine[Any, Any, _Second]) -> tuple[_First, _Second]:
    """The results of both, which run at the same time. If one fails, the other is cancelled."""
    tasks = asyncio.create_task(first), asyncio.create_task(second)
    try:
        of_first, of_second = await asyncio.gather(*tasks)
        return of_first, of_second
    finally:
        await cancel_and_wait(*tasks)


@asynccontextmanager
async def running(*work: Callable[[], Awaitable[NoReturn]], failed: str) -> AsyncIterator[None]:
    """Runs endless work, each in a task, while the block runs. Unexpected errors are logged as `failed`, and the work
    starts again, since others would wait for it in vain."""
    tasks = [asyncio.create_task(_run_forever(run, failed)) for run in work]
    try:
        yield
    finally:
        await cancel_and_wait(*tasks)


async def _run_forever(run: Callable[[], Awaitable[NoReturn]], failed: str) -> NoReturn:
    while True:
        try:
            await run()
        except Exception:
            log.exception(failed)
        await asyncio.sleep(_RESTART_SECONDS)
