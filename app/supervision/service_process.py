"""How a process of a service runs: alone, or as one of several under a supervisor."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import NoReturn

import structlog

log = structlog.get_logger()

# Seconds between two signs of life.
BEAT_SECONDS = 5.0


def _log(event: str, **facts: object) -> None:
    # Not the logger's own function, which would keep how logs were written when this module was imported.
    log.info(event, **facts)


@dataclass(frozen=True)
class ServiceProcess:
    """A server or worker: its number among several, how it says that it is ready, and what it shares with the others:
    the sockets that servers listen on, and the folder of their metrics."""

    number: int | None = None
    announce: Callable[..., object] = _log
    sockets: Sequence[socket] = ()
    metrics: Path | None = None

    def session_name(self, command: str) -> str:
        """What Postgres shows in its list of sessions."""
        return f"assay {command}" + (f" {self.number} (pid {os.getpid()})" if self.number else "")


ALONE = ServiceProcess()


class SupervisorLink:
    """The process's end of the pipe to its supervisor, which is its standard output: says that it is ready, and that it
    is alive. What anything else prints goes to standard error."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._pipe = os.dup(sys.stdout.fileno())
        os.set_blocking(self._pipe, False)
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def announce(self, event: str, **facts: object) -> None:
        """Tells the supervisor that this process is ready. It logs the event when all are."""
        self._write(json.dumps({"event": event, **facts}))

    async def beat(self) -> NoReturn:
        """Says again and again that the event loop runs."""
        while True:
            self._write("")
            await asyncio.sleep(BEAT_SECONDS)

    def _write(self, line: str) -> None:
        # A supervisor that does not read is stopped at the moment, and the end of one is noticed on standard input.
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._pipe, f"{line}\n".encode())


@contextmanager
def beating(link: SupervisorLink) -> Iterator[None]:
    """Shows while the block runs that the event loop does."""
    beats = asyncio.create_task(link.beat())
    try:
        yield
    finally:
        beats.cancel()
