"""Runs several processes of one service: starts them, replaces those that end, and stops all of them together."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from socket import socket

import structlog

from app.supervision.child import Child
from app.supervision.service_process import BEAT_SECONDS

log = structlog.get_logger()

_CLEAN_EXITS = (0, -signal.SIGTERM)


@dataclass(frozen=True)
class Times:
    """When a process counts as hung, and how often and how fast one that ends is replaced (seconds)."""

    beat: float = BEAT_SECONDS
    silent_beats: int = 12
    # Before the process is started again, after the first end in a row, the second and so on. After one more it is
    # given up: what goes on ending is better seen by whoever runs this command.
    delays: Sequence[float] = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
    # A process that has run for so long ends the row.
    steady: float = 10.0
    # Added to the time that a process has of its own to stop, before it is killed.
    margin: float = 5.0


class Supervisor:
    """Keeps so many processes running: the command, each with its number as another argument."""

    def __init__(
        self,
        command: Sequence[str],
        processes: int,
        stop: asyncio.Event,
        shutdown_timeout: float,
        sockets: Sequence[socket] = (),
        times: Times | None = None,
    ) -> None:
        self._command = command
        self._processes = processes
        self._stop = stop
        self._shutdown_timeout = shutdown_timeout
        self._sockets = sockets
        self._times = times or Times()
        self._running: dict[int, Child] = {}
        self._ready: set[int] = set()
        self._first_is_ready = asyncio.Event()

    async def run(self) -> int:
        """Runs the processes until `stop` is set, then stops them. Stops them also if one cannot start, or is given up.
        Returns the exit status: 0, that of a process that cannot start, or 1."""
        keeping = [asyncio.create_task(self._keep_running(number)) for number in range(1, self._processes + 1)]
        stopping = asyncio.create_task(self._stop.wait())
        try:
            ended, _ = await asyncio.wait({stopping, *keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            await self._stop_all(keeping)
        statuses = [task.result() for task in keeping if task in ended] or [task.result() for task in keeping]
        return max(statuses)

    async def _keep_running(self, number: int) -> int:
        """Starts the process again and again. Returns an exit status when all are to stop: 0, that of a process that
        cannot start, or 1."""
        if number > 1:
            # The first one starts alone, so that it alone says what is wrong with the settings.
            await self._first_is_ready.wait()
        ends = 0
        while not self._stop.is_set():
            started_at = asyncio.get_running_loop().time()
            child = await self._start(number)
            status = await self._wait_for_end(child)
            if self._stop.is_set():
                return 0 if status in _CLEAN_EXITS else 1
            if number not in self._ready and status > 0:
                return status
            steady = asyncio.get_running_loop().time() - started_at >= self._times.steady
            ends = 1 if steady else ends + 1
            if number not in self._ready or ends > len(self._times.delays):
                log.error("process_given_up", process=number, pid=child.pid, status=status)
                return 1
            await self._wait_before_restart(child, status, self._times.delays[ends - 1])
        return 0

    async def _start(self, number: int) -> Child:
        command = [*self._command, "--process-number", str(number)]
        files = [shared.fileno() for shared in self._sockets]
        child = await Child.start(number, command, files, self._times.beat, self._times.silent_beats)
        self._running[number] = child
        return child

    async def _wait_for_end(self, child: Child) -> int:
        """Returns the exit status; below 0 it is the number of a signal."""
        if self._stop.is_set():
            child.send_signal(signal.SIGTERM)
        try:
            return await child.watch(lambda facts: self._note_ready(child, facts))
        finally:
            del self._running[child.number]

    def _note_ready(self, child: Child, facts: dict[str, object]) -> None:
        """Logs that the process is ready, and once that the service is, when all are."""
        log.info("process_ready", process=child.number, pid=child.pid)
        if child.number in self._ready:
            return
        self._ready.add(child.number)
        self._first_is_ready.set()
        if len(self._ready) == self._processes:
            log.info(str(facts.pop("event")), **facts, processes=self._processes)

    async def _wait_before_restart(self, child: Child, status: int, seconds: float) -> None:
        log.error("process_ended", process=child.number, pid=child.pid, status=status, starts_again_in=seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    async def _stop_all(self, keeping: Sequence["asyncio.Task[int]"]) -> None:
        """Tells all processes to stop, and kills those that have not ended in time."""
        self._stop.set()
        self._first_is_ready.set()
        for child in self._running.values():
            child.send_signal(signal.SIGTERM)
        # Clients that connect once all processes have closed their copies must not wait for an answer.
        for shared in self._sockets:
            shared.close()
        _, late = await asyncio.wait(keeping, timeout=self._shutdown_timeout + self._times.margin)
        if late:
            log.error("processes_killed", processes=sorted(self._running))
            for child in self._running.values():
                child.send_signal(signal.SIGKILL)
            await asyncio.wait(keeping)
