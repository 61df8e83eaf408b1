"""Runs `assay` commands in forks of one process that has imported what they need. A process of its own needs half a
second for that."""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN_SECONDS = 120
# What every shell has, and no setting of Assay.
_INHERITED = ("HOME", "PATH", "LANG", "TMPDIR")
_MESSAGE_BYTES = 100_000


class CommandForks:
    """Has commands run by the process that listens at `address`."""

    def __init__(self, address: str) -> None:
        self._address = address

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path = ROOT
    ) -> "subprocess.CompletedProcess[str]":
        """Runs a command to its end in the folder, in a shell's environment and this one; returns it with its output.

        Raises:
            TimeoutError: it takes too long.
        """
        with (
            tempfile.TemporaryFile("w+") as output,
            tempfile.TemporaryFile("w+") as errors,
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection,
        ):
            connection.settimeout(RUN_SECONDS)
            connection.connect(self._address)
            request = {"arguments": [*arguments], "environment": dict(environment), "folder": str(folder)}
            socket.send_fds(connection, [json.dumps(request).encode()], [output.fileno(), errors.fileno()])
            status = int(connection.recv(_MESSAGE_BYTES))
            output.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(["assay", *arguments], status, output.read(), errors.read())


@contextmanager
def command_forks(folder: Path) -> Iterator[CommandForks]:
    """Starts the process, which listens in this folder."""
    address = str(folder / "commands")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.cli.command_forks", address],
        env=shell_environment(), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout and process.stdout.readline() == b"listening\n"
            yield CommandForks(address)
        finally:
            # Also commands that have not ended.
            os.killpg(process.pid, signal.SIGKILL)


def shell_environment() -> dict[str, str]:
    """What every command gets: a shell's variables."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | {"PYTHONPATH": str(ROOT)}


def _next_command(address: str) -> list[str]:
    """Returns in each fork, with the arguments of its command."""
    from app.cli.main import _COMMANDS

    for module, _ in _COMMANDS.values():
        import_module(module)
    gc.freeze()
    # Nobody waits for the forks that answer requests.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen()
        sys.stdout.write("listening\n")
        sys.stdout.flush()
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                return _fork_command(connection)
            connection.close()


def _fork_command(connection: socket.socket) -> list[str]:
    """Returns the arguments in one more fork; answers with its exit status in this one, and ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, (output, errors), *_ = socket.recv_fds(connection, _MESSAGE_BYTES, 2)
    process = os.fork()
    if process != 0:
        _, status = os.waitpid(process, 0)
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    connection.close()
    os.dup2(output, sys.stdout.fileno())
    os.dup2(errors, sys.stderr.fileno())
    request = json.loads(message)
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    arguments: list[str] = request["arguments"]
    return arguments


if __name__ == "__main__":
    from app.cli.main import main

    sys.exit(main(_next_command(sys.argv[1])))
