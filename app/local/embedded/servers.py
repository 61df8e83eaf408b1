"""One Postgres and one Valkey for all processes that use the same data folder at the same time.

Two lock files. Whoever holds `startup.lock` starts, stops, comes or goes; it is held for moments. Whoever
uses the servers holds `users.lock` shared; on the way out, who gets it for himself alone is the last. Locks
vanish with their process, so servers that a killed user left are found by the next, and stopped by the last.
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

# Longer than the slowest honest start: initdb on a slow disk, then recovery.
LOCK_SECONDS = 300.0


@dataclass(frozen=True)
class ServerUrls:
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)


@contextmanager
def embedded_servers(data_dir: Path, durable: bool = True) -> Iterator[ServerUrls]:
    """Blocks for about a second, at the first use of a folder for several: not for a running event loop.

    `durable` counts when servers are started here; servers already running are shared as they are.
    Raises EmbeddedServerError.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    postgres, valkey = EmbeddedPostgres(data_dir, durable), EmbeddedValkey(data_dir, durable)
    with (data_dir / "users.lock").open("ab") as users, ExitStack() as stack:
        with _startup_lock(data_dir):
            _take(users, fcntl.LOCK_SH)
            stack.callback(_leave, data_dir, users, postgres, valkey)
            urls = ServerUrls(postgres.start(), valkey.start())
        yield urls


def _leave(data_dir: Path, users: BinaryIO, *servers: EmbeddedPostgres | EmbeddedValkey) -> None:
    with _startup_lock(data_dir), ExitStack() as stops:
        # Closing would not do if a forked child has the same open file.
        stops.callback(fcntl.flock, users, fcntl.LOCK_UN)
        if _takes(users, fcntl.LOCK_EX):
            for server in servers:
                stops.callback(server.stop)


@contextmanager
def _startup_lock(data_dir: Path) -> Iterator[None]:
    with (data_dir / "startup.lock").open("ab") as lock:
        _take(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Closing would not do if another thread forked meanwhile: the child has the same open file.
            fcntl.flock(lock, fcntl.LOCK_UN)


def _take(lock: BinaryIO, kind: int) -> None:
    if not wait_until(lambda: _takes(lock, kind), LOCK_SECONDS):
        raise EmbeddedServerError(f"{lock.name} was held by others for {LOCK_SECONDS:g} s")


def _takes(lock: BinaryIO, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
