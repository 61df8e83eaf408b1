"""A Postgres and a Valkey for these tests only, which they kill, wipe and restart."""

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import asyncpg
from redis.asyncio import Redis

from app.local.embedded import EmbeddedPostgres, EmbeddedValkey
from app.local.embedded.processes import wait_until
from app.repositories.sql import DATABASE_UNAVAILABLE
from tests.faults.processes import hold_port

# A Postgres that is not durable confirms commits before it writes them. Here, where it is killed, confirmed commits
# have to survive that, or the tests would blame the service; they need not survive a crash of the machine.
_SURVIVE_KILL = (
    "ALTER SYSTEM SET synchronous_commit = on",
    "ALTER SYSTEM SET full_page_writes = on",
    "SELECT pg_reload_conf()",
)
_STOP_SECONDS = 30.0

_T = TypeVar("_T")


@dataclass
class FaultServers:
    """Both servers. A restart keeps the port."""

    folder: Path
    database_url: str = ""
    redis_url: str = ""
    _ports: dict[str, socket.socket] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.postgres = EmbeddedPostgres(self.folder, durable=False)
        self.valkey = EmbeddedValkey(self.folder, durable=False)

    async def start(self) -> None:
        """Starts both."""
        await asyncio.to_thread(self.postgres.start)
        self.database_url = self.postgres.superuser_url()
        self.redis_url = await asyncio.to_thread(self.valkey.start)
        admin = await asyncpg.connect(self.database_url)
        for statement in _SURVIVE_KILL:
            await admin.execute(statement)
        await admin.close()

    def stop(self) -> None:
        """Stops both for good."""
        self.postgres.stop()
        self.valkey.stop()
        for port_holder in self._ports.values():
            port_holder.close()

    async def end_postgres(self, number: signal.Signals) -> None:
        """Ends Postgres by a signal: SIGQUIT is an immediate shutdown, SIGKILL is a crash."""
        pid = self.postgres.pid()
        assert pid
        os.kill(pid, number)
        assert await asyncio.to_thread(wait_until, lambda: self.postgres.pid() is None, _STOP_SECONDS)
        self._hold(self.database_url)

    async def start_postgres(self) -> None:
        """Starts Postgres again on its port."""
        await asyncio.to_thread(self.postgres.start)
        assert self.postgres.superuser_url() == self.database_url

    async def end_redis(self) -> None:
        """Kills Valkey."""
        await asyncio.to_thread(self.valkey.kill)
        self._hold(self.redis_url)

    async def start_redis(self) -> None:
        """Starts Valkey again on its port."""
        assert await asyncio.to_thread(self.valkey.start) == self.redis_url

    async def wipe_redis(self) -> None:
        """Deletes all data in Valkey."""
        async with Redis.from_url(self.redis_url) as redis:
            assert await redis.flushall()

    def log(self) -> str:
        """The log of Postgres."""
        return (self.folder / "postgres.log").read_text(errors="replace")

    def _hold(self, url: str) -> None:
        """Reserves the port while its server is down, or the system might assign it to a client that reconnects."""
        port = urlsplit(url).port
        assert port
        if url not in self._ports:
            self._ports[url] = hold_port(port)


async def retry_while_down(query: Callable[[], Awaitable[_T]], seconds: float = 60.0) -> _T:
    """The result of `query`, which is repeated while Postgres is unavailable."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await query()
            except DATABASE_UNAVAILABLE:
                await asyncio.sleep(0.05)
