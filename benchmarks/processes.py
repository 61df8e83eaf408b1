"""Processes that the benchmark starts: commands of Assay as a deployment runs them, and modules of this package."""

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

_ROOT = Path(__file__).parents[1]
# Two cores are shared by everything that a part starts.
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_MEASURE_SECONDS = 120.0
# Characters at the end of a log that are shown when its process failed.
_TAIL = 2000
# What a shell provides; settings of Assay in the user's environment are not passed on.
_INHERITED = ("HOME", "PATH", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_TICKS = os.sysconf("SC_CLK_TCK")


class BenchmarkFailed(Exception):
    """A process of the benchmark failed or did not answer in time."""


class ChildProcess:
    """A running module of this package; `child_messages` is its end of the conversation."""

    def __init__(self, process: "subprocess.Popen[str]", log: IO[str]) -> None:
        self.process = process
        self._log = log

    def receive(self) -> Any:
        """Waits for the next message of the child.

        Raises:
            BenchmarkFailed: the child ended instead; has the end of its log.
        """
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            self._log.seek(0)
            raise BenchmarkFailed(f"{self.process.args!r} ended early:\n{self._log.read()[-_TAIL:]}")
        return json.loads(line)

    def send(self, value: Any) -> None:
        """Sends a message to the child."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(value) + "\n")
        self.process.stdin.flush()


@contextmanager
def start_child(module: str, **arguments: Any) -> Iterator[ChildProcess]:
    """Runs `benchmarks.{module}` until the block ends; the arguments are its first message."""
    with TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}"],
            cwd=_ROOT, env=_environment({}), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
        try:
            child = ChildProcess(process, log)
            child.send(arguments)
            yield child
        finally:
            _stop(process)


def measure(module: str, **arguments: Any) -> Any:
    """Runs `benchmarks.{module}` with these arguments and returns the one message that it sends.

    Raises:
        BenchmarkFailed: it failed or took too long.
    """
    with start_child(module, **arguments) as child:
        # A child that never answers is killed, and `receive` then reports that it ended early.
        limit = threading.Timer(_MEASURE_SECONDS, child.process.kill)
        limit.start()
        try:
            return child.receive()
        finally:
            limit.cancel()


@dataclass(frozen=True)
class CommandResult:
    """Output, duration and peak memory of a command that succeeded."""

    output: str
    seconds: float
    peak_bytes: int


def run_command(database_url: str, *arguments: str) -> CommandResult:
    """Runs `python -m app` with these arguments to its end.

    Raises:
        BenchmarkFailed: it failed.
    """
    started = time.monotonic()
    with TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", *arguments], cwd=_ROOT, env=_environment({"DATABASE_URL": database_url}),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        # Not `Popen.wait`, which does not return the peak memory.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        log.seek(0)
        output = log.read()
    if process.returncode:
        raise BenchmarkFailed(f"{' '.join(arguments)} failed:\n{output[-_TAIL:]}")
    return CommandResult(output, seconds, usage.ru_maxrss * 1024)


@contextmanager
def start_service(
    command: str, log: Path, ready_event: str, settings: Mapping[str, str], processes: int = 1
) -> Iterator["subprocess.Popen[bytes]"]:
    """Runs `python -m app COMMAND` until the block ends, which begins once `ready_event` is in the log. It has only
    these settings."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", command, "--processes", str(processes)],
            cwd=_ROOT, env=_environment(settings), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        try:
            wait_for(lambda: find_events(log, ready_event), process, f"{command} to start")
        except BenchmarkFailed as error:
            raise BenchmarkFailed(f"{error}\n{log.read_text()[-_TAIL:]}") from None
        yield process
    finally:
        _stop(process)


def find_events(log: Path, name: str) -> list[dict[str, Any]]:
    """The entries with this event in a log of Assay."""
    entries = (json.loads(line) for line in log.read_text().splitlines() if f'"{name}"' in line)
    return [entry for entry in entries if entry.get("event") == name]


def wait_for(condition: Callable[[], object], process: "subprocess.Popen[Any]", description: str) -> None:
    """Returns when the condition holds.

    Raises:
        BenchmarkFailed: it does not hold in time, or the process ended.
    """
    deadline = time.monotonic() + _START_SECONDS
    while not condition():
        if process.poll() is not None:
            raise BenchmarkFailed(f"waited for {description}, but the process ended ({process.returncode})")
        if time.monotonic() > deadline:
            raise BenchmarkFailed(f"waited for {description} for more than {_START_SECONDS:g} s")
        time.sleep(0.02)


def cpu_seconds(pid: int) -> float:
    """CPU time of the process so far, in user mode and in the kernel."""
    # The name in brackets may contain spaces and brackets, so the fields are counted from behind it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_bytes(pid: int) -> int:
    """Resident memory of the process now, shared pages included."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | {"PYTHONPATH": str(_ROOT)} | dict(settings)


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
