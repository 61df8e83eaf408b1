"""The password and the port of an embedded server, kept in files between its starts."""

import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

from app.local.embedded.processes import EmbeddedServerError

LOOPBACK = "127.0.0.1"
PORT_ATTEMPTS = 3
CONNECT_SECONDS = 1.0


def write_private(path: Path, text: str) -> None:
    """Writes a file with mode 0600 from the first moment, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def password(path: Path) -> str:
    """The password in this file, made at the first call: letters, digits, - and _ only, so a URL needs no quoting."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text()


def saved_port(path: Path) -> int | None:
    """The port of the last start; None before the first."""
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return None


def start_on_free_port(path: Path, launch: Callable[[int], None]) -> None:
    """Launches on the saved port, or on another if that is taken, and saves which."""
    port = saved_port(path)
    for attempt in range(1, PORT_ATTEMPTS + 1):
        if port is None or not _is_free(port):
            port = _free_port()
        write_private(path, str(port))
        try:
            return launch(port)
        except EmbeddedServerError:
            # Another process may have taken the port since it was checked; other failures are for the caller.
            if _is_free(port) or attempt == PORT_ATTEMPTS:
                raise


def connects(port: int) -> bool:
    """Whether something listens on the port."""
    try:
        socket.create_connection((LOOPBACK, port), CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        # As the servers do: connections of the last run that linger in TIME_WAIT don't matter.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
