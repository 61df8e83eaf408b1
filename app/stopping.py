"""When a server or worker is to stop."""

import asyncio
import os
import signal
import sys


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
