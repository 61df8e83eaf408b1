"""Processes of the bench: our commands as a deployment starts them, and modules of this package."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

ROOT = Path(__file__).parents[1]
# Two cores are shared by everything that a part starts.
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_MEASURE_SECONDS = 120.0
# Characters of a log that say why its process failed.
_TAIL = 2000
# What a shell has, and no settings of whoever runs the bench.
_INHERITED = ("HOME", "PATH", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_TICKS = os.sysconf("SC_CLK_TCK")


class BenchFailed(Exception):
    """A process of the bench did not do what it was started for."""


class Child:
    """A running module of this package, which says things in lines of JSON."""

    def __init__(self, process: "subprocess.Popen[str]", log: IO[str]) -> None:
        self.process = process
        self._log = log

    def says(self) -> Any:
        """The next thing that it says.

        Raises:
            BenchFailed: it ended without a word; with the end of its log.
        """
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            self._log.seek(0)
            raise BenchFailed(f"{self.process.args!r} ended early:\n{self._log.read()[-_TAIL:]}")
        return json.loads(line)

    def tell(self, value: Any) -> None:
        """Tells it one more thing, after its arguments."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(value) + "\n")
        self.process.stdin.flush()


@contextmanager
def child(module: str, **told: Any) -> Iterator[Child]:
    """Runs `benchmarks.{module}` with these arguments until the block ends."""
    with TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}"],
            cwd=ROOT, env=_environment({}), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
        try:
            started = Child(process, log)
            started.tell(told)
            yield started
        finally:
            _stop(process)


def measure(module: str, **told: Any) -> Any:
    """What `benchmarks.{module}`, given these arguments, says once.

    Raises:
        BenchFailed: it failed.
    """
    with child(module, **told) as process:
        # Not for ever: who never says anything is ended, which reads as an early end.
        limit = threading.Timer(_MEASURE_SECONDS, process.process.kill)
        limit.start()
        try:
            return process.says()
        finally:
            limit.cancel()


@dataclass(frozen=True)
class Ended:
    """What a command said on standard output, how long it took, and the most memory that it had."""

    output: str
    seconds: float
    peak_bytes: int


def command(database_url: str, *arguments: str) -> Ended:
    """Runs `python -m app` with these arguments to its end.

    Raises:
        BenchFailed: it failed.
    """
    began = time.monotonic()
    with TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", *arguments], cwd=ROOT, env=_environment({"DATABASE_URL": database_url}),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        # Waited for by ourselves, since only the system knows the peak.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        log.seek(0)
        output = log.read()
    if process.returncode:
        raise BenchFailed(f"{' '.join(arguments)} failed:\n{output[-_TAIL:]}")
    return Ended(output, seconds, usage.ru_maxrss * 1024)


@contextmanager
def service(command: str, log: Path, started: str, settings: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """`python -m app COMMAND` with these settings alone, from the event `started` in its log until the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", command],
            cwd=ROOT, env=_environment(settings), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        try:
            wait_for(lambda: event(log, started), process, f"{command} to start")
        except BenchFailed as failed:
            raise BenchFailed(f"{failed}\n{log.read_text()[-_TAIL:]}") from None
        yield process
    finally:
        _stop(process)


def event(log: Path, name: str) -> dict[str, Any] | None:
    """The first such event in a log of ours."""
    for line in log.read_text().splitlines():
        told: dict[str, Any] = json.loads(line) if f'"{name}"' in line else {}
        if told.get("event") == name:
            return told
    return None


def wait_for(condition: Callable[[], object], process: "subprocess.Popen[Any]", what: str) -> None:
    """Returns when the condition holds.

    Raises:
        BenchFailed: it does not in time, or the process ended.
    """
    deadline = time.monotonic() + _START_SECONDS
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchFailed(f"waited in vain for {what} (exit status {process.returncode})")
        time.sleep(0.02)


def cpu_seconds(pid: int) -> float:
    """What the process has used of the processor so far, by itself and in the kernel."""
    # The name in brackets may hold anything, so the fields are counted from behind it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_bytes(pid: int) -> int:
    """What the process has in memory now, what it shares with others included."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | {"PYTHONPATH": str(ROOT)} | dict(settings)


def _stop(process: "subprocess.Popen[Any]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream:
            stream.close()
