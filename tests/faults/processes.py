"""Servers and workers as a deployment runs them: processes that are started again when they end."""

import asyncio
import json
import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from app.local.embedded.processes import is_alive
from tests.fakes.conditions import until

_ROOT = Path(__file__).parents[2]
# The code that the processes run: a copy with a safeguard removed shows whether the tests notice.
SOURCE_TREE = Path(os.environ.get("ASSAY_FAULTS_TREE", _ROOT))
# Generous, since the machine may be busy.
START_SECONDS = 60.0
_INHERITED = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_READY_EVENT = {"serve": "serving", "worker": "worker_started"}
# Exit statuses after SIGTERM and SIGKILL.
_EXPECTED_EXITS = (0, -signal.SIGKILL)


class Service:
    """A server or worker of the deployment, which is restarted when its process ends; `exits` has all exit statuses.
    With several `processes`, the process is a supervisor, whose children do the work."""

    def __init__(
        self, name: str, command: str, settings: dict[str, str], logs: Path, tree: Path, processes: int = 1
    ) -> None:
        self.name = name
        self.exits: list[int] = []
        self.starts = 0
        self._command = command
        self._settings = settings
        self._logs = logs
        self._tree = tree
        self._processes = processes
        self._ending = False
        self._process: asyncio.subprocess.Process | None = None
        self._supervising: asyncio.Task[None] | None = None

    @property
    def process_name(self) -> str:
        """The name of the current process towards Postgres, a new one at each start."""
        return f"{self.name}.{self.starts}"

    @property
    def pid(self) -> int:
        """Process id of the current process."""
        assert self._process
        return self._process.pid

    def children(self) -> dict[int, int]:
        """The process ids of a supervisor's children that were ready last, by their numbers."""
        lines = [json.loads(line) for line in self.log().splitlines() if '"event": "process_ready"' in line]
        return {line["process"]: line["pid"] for line in lines}

    async def start(self) -> None:
        """Starts the first process and returns when it is ready."""
        self._supervising = asyncio.create_task(self._supervise())
        await self.wait_until_ready()

    async def wait_until_ready(self) -> None:
        """Returns when the current process serves requests, or takes jobs."""
        await self.wait_for_event(_READY_EVENT[self._command])

    async def wait_for_event(self, event: str) -> None:
        """Returns when the current process has logged this event."""

        async def logged() -> bool:
            assert self._supervising and not self._supervising.done(), f"{self.name} ended: {self.exits}\n{self.log()}"
            return self.has_logged(event)

        await until(logged, START_SECONDS)

    def has_logged(self, event: str) -> bool:
        """Whether the current process has logged this event."""
        return self.count_logged(event) > 0

    def count_logged(self, event: str) -> int:
        """How often the current process and its children have logged this event."""
        return self.log().count(f'"event": "{event}"')

    def log(self) -> str:
        """The log of the current process so far."""
        path = self._logs / f"{self.process_name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def send_signal(self, signal_number: signal.Signals) -> None:
        """Sends a signal to the current process."""
        assert self._process
        self._process.send_signal(signal_number)

    async def end(self, signal_number: signal.Signals) -> int:
        """Sends a signal and returns the exit status; the next process is then being started."""
        ended = len(self.exits)
        self.send_signal(signal_number)

        async def gone() -> bool:
            return len(self.exits) > ended

        await until(gone, START_SECONDS)
        return self.exits[ended]

    async def stop(self) -> None:
        """Kills the process, which is not restarted."""
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
            if self.exits[-1] not in _EXPECTED_EXITS:
                return

    def _kill_if_ending(self) -> None:
        if self._ending and self._process and self._process.returncode is None:
            children = self.children().values()
            self._process.kill()
            for pid in filter(is_alive, children):
                # It would end by itself, but not if a test has stopped it.
                os.kill(pid, signal.SIGKILL)

    def _open_log(self) -> BinaryIO:
        return (self._logs / f"{self.process_name}.log").open("wb")

    async def _spawn(self, log: BinaryIO) -> asyncio.subprocess.Process:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        # Postgres accepts settings of any name with a dot in it; the trigger of the ledger reads this one.
        name = self.process_name
        url = f"{self._settings['DATABASE_URL']}?options=-c%20faults.process={name}"
        if self._processes == 1:
            url += f"&application_name={name}"
        return await asyncio.create_subprocess_exec(
            # With --stop-on-stdin-eof it ends when this process does, even when that is killed.
            sys.executable, "-m", "app", self._command, "--stop-on-stdin-eof", *self._options(),
            cwd=self._tree,
            env=inherited | self._settings | {"DATABASE_URL": url, "TMPDIR": str(self._logs)},
            stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log,
        )  # fmt: skip

    def _options(self) -> list[str]:
        return ["--processes", str(self._processes)] if self._processes > 1 else []


@dataclass
class Fleet:
    """All servers and workers of one deployment, with the same settings, each of so many `processes`."""

    settings: dict[str, str]
    logs: Path
    processes: int = 1
    servers: list[Service] = field(default_factory=list)
    workers: list[Service] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    _held_ports: list[socket.socket] = field(default_factory=list)

    async def start(self, servers: int, workers: int) -> None:
        """Adds so many servers and workers and returns when all are ready."""
        adding = [self.add_server() for _ in range(servers)], [self.add_worker() for _ in range(workers)]
        await asyncio.gather(*adding[0], *adding[1])

    async def add_server(self, tree: Path = SOURCE_TREE, **settings: str) -> Service:
        """Adds a server, which may run another copy of the code, and returns when it is ready. Its address, the last of
        `urls`, stays the same."""
        port_holder = hold_port()
        self._held_ports.append(port_holder)
        port = port_holder.getsockname()[1]
        self.urls.append(f"http://127.0.0.1:{port}")
        name = f"server-{len(self.servers) + 1}"
        service = Service(
            name, "serve", self.settings | {"PORT": str(port)} | settings, self.logs, tree, self.processes
        )
        self.servers.append(service)
        await service.start()
        return service

    async def add_worker(self, tree: Path = SOURCE_TREE, **settings: str) -> Service:
        """Adds a worker, which may run another copy of the code, and returns when it is ready."""
        name = f"worker-{len(self.workers) + 1}"
        service = Service(name, "worker", self.settings | settings, self.logs, tree, self.processes)
        self.workers.append(service)
        await service.start()
        return service

    def find_worker(self, process_name: str) -> Service | None:
        """The worker whose current process has this name, or None."""
        return next((worker for worker in self.workers if worker.process_name == process_name), None)

    def unexpected_exits(self) -> list[tuple[str, int, str]]:
        """Processes whose last exit was neither a clean one nor by SIGKILL: name, status, end of log."""
        last_exits = [(service, service.exits[-1]) for service in (*self.servers, *self.workers) if service.exits]
        return [
            (service.name, status, service.log()[-500:])
            for service, status in last_exits
            if status not in _EXPECTED_EXITS
        ]

    def log_lines_with(self, *texts: str) -> list[str]:
        """The log lines of all processes so far that contain one of these texts."""
        logs = [path.read_text(errors="replace") for path in sorted(self.logs.glob("*.log"))]
        return [line for log in logs for line in log.splitlines() if any(text in line for text in texts)]

    async def stop(self) -> None:
        """Kills all processes."""
        await asyncio.gather(*(service.stop() for service in (*self.servers, *self.workers)))
        for port_holder in self._held_ports:
            port_holder.close()


def hold_port(port: int = 0) -> socket.socket:
    """A socket that reserves a port (this one, or a free one) on loopback, for as long as it is open.

    The system then does not assign the port to any other socket while its server is down. A server that binds to it
    explicitly can still listen."""
    port_holder = socket.socket()
    port_holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    port_holder.bind(("127.0.0.1", port))
    return port_holder
