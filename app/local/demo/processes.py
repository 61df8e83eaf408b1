"""Starts, watches and stops the server and the worker as processes."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

# Added to the time limit that a service has of its own to stop.
_MARGIN_SECONDS = 5
_LOG_LINES = 5


class ProcessEnded(Exception):
    """A process that should run has ended, or does not become ready."""


class Service:
    """A running `assay serve` or `assay worker`."""

    def __init__(self, command: str, options: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self._name = command
        self._log = log
        with log.open("ab") as output:
            # A session of its own: Ctrl-C must reach only this process, which then stops the services in order.
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "app", command, "--stop-on-stdin-eof", *options],
                env=os.environ | environment,
                # Closes when this process ends in whatever way, and then the service stops.
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def check(self) -> None:
        """Returns while the process runs.

        Raises:
            ProcessEnded: it has ended; the message has the last lines of its log.
        """
        status = self._process.poll()
        if status is not None:
            last = "\n".join(self._log.read_text(errors="replace").splitlines()[-_LOG_LINES:])
            raise ProcessEnded(f"assay {self._name} ended with status {status}:\n{last}")

    def stop(self, seconds: float) -> None:
        """Sends SIGTERM, and SIGKILL if the process has not ended after its time limit."""
        self._process.terminate()
        try:
            self._process.wait(seconds + _MARGIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def services(
    environment: dict[str, str], logs: Path, seconds: float, *, sign_in_by_role: bool
) -> Iterator[tuple[Service, ...]]:
    """A worker and a server, stopped at the end, each within so many seconds. With `sign_in_by_role`, everybody on this
    machine may sign in as any role."""
    serve_options = ["--sign-in-by-role"] if sign_in_by_role else []
    with ExitStack() as stack:
        running = []
        for command, options in (("worker", []), ("serve", serve_options)):
            service = Service(command, options, environment, logs / f"{command}.log")
            stack.callback(service.stop, seconds)
            running.append(service)
        yield tuple(running)


def watch(running: tuple[Service, ...]) -> None:
    """Blocks until one of the processes ends.

    Raises:
        ProcessEnded: one did.
    """
    while True:
        for service in running:
            service.check()
        time.sleep(0.5)
