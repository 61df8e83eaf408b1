"""A process that a supervisor has started."""

import asyncio
import json
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import cast

import structlog

log = structlog.get_logger()

_LAST_LINES_SECONDS = 1.0


class Child:
    """A running process. It ends by itself when this process does, since its standard input then ends."""

    def __init__(
        self, number: int, process: Process, output: asyncio.StreamReader, beat_seconds: float, silent_beats: int
    ) -> None:
        self.number = number
        self._process = process
        self._output = output
        self._beat_seconds = beat_seconds
        self._silent_beats = silent_beats

    @classmethod
    async def start(
        cls, number: int, command: Sequence[str], files: Sequence[int], beat_seconds: float, silent_beats: int
    ) -> "Child":
        """Starts the command, which inherits these open files."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=files,
            # Ctrl-C must reach only the supervisor, which then stops the processes in order.
            start_new_session=True,
        )
        return cls(number, process, cast(asyncio.StreamReader, process.stdout), beat_seconds, silent_beats)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def watch(self, ready: Callable[[dict[str, object]], None]) -> int:
        """Waits for the end and returns the exit status. Calls `ready` with what the process announces, and kills one
        that shows no sign of life any more."""
        reading = asyncio.create_task(self._read(ready))
        try:
            status = await self._process.wait()
            # What it announced right before its end counts. Its own children may hold the pipe open.
            await asyncio.wait({reading}, timeout=_LAST_LINES_SECONDS)
            return status
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal, unless the process has ended."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def _read(self, ready: Callable[[dict[str, object]], None]) -> None:
        silent = 0
        # Counted in beats, not in time: if both were stopped for long, as a frozen container is, only one was missed.
        while silent < self._silent_beats:
            try:
                async with asyncio.timeout(self._beat_seconds):
                    line = await self._output.readline()
            except TimeoutError:
                silent += 1
                continue
            if not line:
                return
            silent = 0
            if (facts := _announced(line)) is not None:
                ready(facts)
        log.error("process_hangs", process=self.number, pid=self.pid, seconds=silent * self._beat_seconds)
        self.send_signal(signal.SIGKILL)


def _announced(line: bytes) -> dict[str, object] | None:
    """What the line announces; None for a sign of life, and for what a library has printed at its import."""
    try:
        facts = json.loads(line)
    except ValueError:
        return None
    return facts if isinstance(facts, dict) and "event" in facts else None
