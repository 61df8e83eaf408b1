"""Servers and workers as a deployment runs them: processes that a supervisor starts again when they end."""

import asyncio
import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from tests.fakes.conditions import until

_ROOT = Path(__file__).parents[2]
# Whose processes are tried. A copy with a guard taken out shows whether the tests would notice.
TREE = Path(os.environ.get("ASSAY_FAULTS_TREE", _ROOT))
# Generous: two cores may be shared with everything else.
START_SECONDS = 60.0
_KEPT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_READY = {"serve": "serving", "worker": "worker_started"}
# Ends that a supervisor expects: a stop that was asked for, and an axe.
_EXPECTED = (0, -signal.SIGKILL)


class Service:
    """One place in the deployment and the process that fills it now; `exits` has the status of each that ended."""

    def __init__(self, name: str, command: str, settings: dict[str, str], logs: Path, tree: Path) -> None:
        self.name = name
        self.exits: list[int] = []
        self.starts = 0
        self._command = command
        self._settings = settings
        self._logs = logs
        self._tree = tree
        self._ending = False
        self._process: asyncio.subprocess.Process | None = None
        self._supervising: asyncio.Task[None] | None = None

    @property
    def process_name(self) -> str:
        """What the process that runs now calls itself towards Postgres: another one at each start."""
        return f"{self.name}.{self.starts}"

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self._process
        return self._process.pid

    async def start(self) -> None:
        """Returns when the first process is ready."""
        self._supervising = asyncio.create_task(self._supervise())
        await self.ready()

    async def ready(self) -> None:
        """Returns when the process that runs now serves, or takes jobs."""
        await self.says(_READY[self._command])

    async def says(self, event: str) -> None:
        """Returns when the process that runs now has logged such an event."""

        async def said() -> bool:
            assert self._supervising and not self._supervising.done(), f"{self.name} ended: {self.exits}\n{self.log()}"
            return self.said(event)

        await until(said, START_SECONDS)

    def said(self, event: str) -> bool:
        """Whether the process that runs now has logged such an event."""
        return f'"event": "{event}"' in self.log()

    def log(self) -> str:
        """What the process that runs now has logged so far."""
        path = self._logs / f"{self.process_name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the process that runs now."""
        assert self._process
        self._process.send_signal(number)

    async def end(self, number: signal.Signals) -> int:
        """Sends a signal and returns the exit status; by then the next process starts."""
        ended = len(self.exits)
        self.send(number)

        async def gone() -> bool:
            return len(self.exits) > ended

        await until(gone, START_SECONDS)
        return self.exits[ended]

    async def stop(self) -> None:
        """Kills the process for good."""
        self._ending = True
        self._kill_if_ending()
        if self._supervising:
            await self._supervising

    async def _supervise(self) -> None:
        while not self._ending:
            self.starts += 1
            with self._open_log() as log:
                self._process = await self._spawn(log)
            self._kill_if_ending()
            self.exits.append(await self._process.wait())
            if self.exits[-1] not in _EXPECTED:
                return

    def _kill_if_ending(self) -> None:
        if self._ending and self._process and self._process.returncode is None:
            self._process.kill()

    def _open_log(self) -> BinaryIO:
        return (self._logs / f"{self.process_name}.log").open("wb")

    async def _spawn(self, log: BinaryIO) -> asyncio.subprocess.Process:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        # Postgres takes a setting of any name with a dot in it; the ledger reads it there.
        url = f"{self._settings['DATABASE_URL']}?faults.process={self.process_name}"
        return await asyncio.create_subprocess_exec(
            # It ends with our end of its standard input, so that no process outlives a run that is killed.
            sys.executable, "-m", "app", self._command, "--while-stdin-open",
            cwd=self._tree,
            env=kept | self._settings | {"DATABASE_URL": url},
            stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log,
        )  # fmt: skip


@dataclass
class Fleet:
    """The processes of one deployment over the same settings."""

    settings: dict[str, str]
    logs: Path
    servers: list[Service] = field(default_factory=list)
    workers: list[Service] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    _ports: list[socket.socket] = field(default_factory=list)

    async def start(self, servers: int, workers: int) -> None:
        """So many more of each, ready."""
        adding = [self.add_server() for _ in range(servers)], [self.add_worker() for _ in range(workers)]
        await asyncio.gather(*adding[0], *adding[1])

    async def add_server(self, **settings: str) -> Service:
        """A server that serves; restarts keep its address, the last of `urls`."""
        held = hold_port()
        self._ports.append(held)
        port = held.getsockname()[1]
        self.urls.append(f"http://127.0.0.1:{port}")
        name = f"server-{len(self.servers) + 1}"
        service = Service(name, "serve", self.settings | {"PORT": str(port)} | settings, self.logs, TREE)
        self.servers.append(service)
        await service.start()
        return service

    async def add_worker(self, tree: Path = TREE, **settings: str) -> Service:
        """A worker that takes jobs."""
        name = f"worker-{len(self.workers) + 1}"
        service = Service(name, "worker", self.settings | settings, self.logs, tree)
        self.workers.append(service)
        await service.start()
        return service

    def worker(self, process_name: str) -> Service | None:
        """The place of a worker that runs now."""
        return next((worker for worker in self.workers if worker.process_name == process_name), None)

    def unexpected_ends(self) -> list[tuple[str, int, str]]:
        """Processes that ended in another way than by SIGTERM in good order or by SIGKILL: name, status, end of log."""
        ended = (service for service in (*self.servers, *self.workers) if service.exits)
        last = ((service, service.exits[-1]) for service in ended)
        return [(service.name, status, service.log()[-500:]) for service, status in last if status not in _EXPECTED]

    def lines_with(self, *marks: str) -> list[str]:
        """The log lines of all processes so far that have one of these texts."""
        texts = [path.read_text(errors="replace") for path in sorted(self.logs.glob("*.log"))]
        return [line for text in texts for line in text.splitlines() if any(mark in line for mark in marks)]

    async def stop(self) -> None:
        """Kills what runs."""
        await asyncio.gather(*(service.stop() for service in (*self.servers, *self.workers)))
        for held in self._ports:
            held.close()


def hold_port(port: int = 0) -> socket.socket:
    """A port (of ours, or a free one) on loopback that the system gives to nobody else between two servers on it,
    neither to listen on nor to connect from; who asks for it by number may still listen."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", port))
    return held
