"""The server and the worker as processes of their own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

# Beyond its own time limit to end what runs.
_MARGIN_SECONDS = 5


class ProcessEnded(Exception):
    """A process that should be running is not."""


class Service:
    """One running command of ours."""

    def __init__(self, command: str, environment: dict[str, str], log: Path) -> None:
        self._name = command
        self._log = log
        with log.open("ab") as output:
            # A session of its own: Ctrl-C in the terminal must reach only who stops the services in order.
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "app", command, "--while-stdin-open"],
                env=os.environ | environment,
                # Its end tells the service that we are gone, however that came about.
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def check(self) -> None:
        """Passes while the process runs.

        Raises:
            ProcessEnded: with the end of its log.
        """
        status = self._process.poll()
        if status is not None:
            last = "\n".join(self._log.read_text(errors="replace").splitlines()[-5:])
            raise ProcessEnded(f"assay {self._name} ended with status {status}:\n{last}")

    def stop(self, seconds: float) -> None:
        """Asks it to end, and makes it after so many seconds."""
        self._process.terminate()
        try:
            self._process.wait(seconds + _MARGIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def services(environment: dict[str, str], logs: Path, seconds: float) -> Iterator[tuple[Service, ...]]:
    """A server and a worker, stopped on the way out, each within so many seconds."""
    with ExitStack() as stack:
        running = []
        for command in ("worker", "serve"):
            service = Service(command, environment, logs / f"{command}.log")
            stack.callback(service.stop, seconds)
            running.append(service)
        yield tuple(running)


def watch(running: tuple[Service, ...]) -> None:
    """Returns never, unless a process ends.

    Raises:
        ProcessEnded: one did.
    """
    while True:
        for service in running:
            service.check()
        time.sleep(0.5)
