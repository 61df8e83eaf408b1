"""One Postgres and one Valkey for all processes that use the same data folder at the same time.

There are two lock files. `startup.lock` is held exclusively, for moments, by a process that begins or ends its use of
the servers. `users.lock` is held shared as long as a process uses them; a process that ends its use and can lock it
exclusively is the last one, and stops the servers. Locks vanish with their process: servers that a killed process left
running are used by the next one, and stopped by the last.
"""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from app.local.embedded.postgres import EmbeddedPostgres
from app.local.embedded.processes import EmbeddedServerError, wait_until
from app.local.embedded.valkey import EmbeddedValkey

# Longer than the slowest start: initdb on a slow disk, then recovery.
LOCK_SECONDS = 300.0


@dataclass(frozen=True)
class ServerUrls:
    """Where the two servers are; not shown in logs, since the URLs have passwords."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    superuser_url: str = field(repr=False)


@contextmanager
def embedded_servers(data_dir: Path, durable: bool = True) -> Iterator[ServerUrls]:
    """Starts the servers of a data folder, or shares those that run; the last user stops them.

    Blocks for about a second, and for several at the first use of a folder, so it must not be called in a running event
    loop. `durable` counts only where the servers are started here.

    Raises:
        EmbeddedServerError: a server does not start or stop.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The folder may have been there before, open to others; it holds passwords and answers.
    data_dir.chmod(0o700)
    postgres, valkey = EmbeddedPostgres(data_dir, durable), EmbeddedValkey(data_dir, durable)
    with (data_dir / "users.lock").open("ab") as users, ExitStack() as stack:
        with _startup_lock(data_dir):
            _lock(users, fcntl.LOCK_SH)
            stack.callback(_leave, data_dir, users, postgres, valkey)
            urls = ServerUrls(postgres.start(), valkey.start(), postgres.superuser_url())
        yield urls


def running_servers(data_dir: Path) -> ServerUrls | None:
    """The servers of a data folder if both run; starts nothing and creates nothing.

    Raises:
        PermissionError: the folder belongs to another user.
    """
    postgres, valkey = EmbeddedPostgres(data_dir), EmbeddedValkey(data_dir)
    if not (postgres.running() and valkey.running()):
        return None
    return ServerUrls(postgres.url(), valkey.url(), postgres.superuser_url())


def _leave(data_dir: Path, users: BinaryIO, *servers: EmbeddedPostgres | EmbeddedValkey) -> None:
    with _startup_lock(data_dir), ExitStack() as stops:
        # Closing the file would not be enough if a forked child has it open, too.
        stops.callback(fcntl.flock, users, fcntl.LOCK_UN)
        if _try_lock(users, fcntl.LOCK_EX):
            for server in servers:
                stops.callback(server.stop)


@contextmanager
def _startup_lock(data_dir: Path) -> Iterator[None]:
    with (data_dir / "startup.lock").open("ab") as lock:
        _lock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Closing the file would not be enough if another thread has forked: the child has it open, too.
            fcntl.flock(lock, fcntl.LOCK_UN)


def _lock(lock: BinaryIO, kind: int) -> None:
    if not wait_until(lambda: _try_lock(lock, kind), LOCK_SECONDS):
        raise EmbeddedServerError(f"{lock.name} was held by others for {LOCK_SECONDS:g} s")


def _try_lock(lock: BinaryIO, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
