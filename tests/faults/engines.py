"""A Postgres and a Valkey of the test's own, to be killed, wiped and started again."""

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

# Embedded servers that need not be durable answer before anything is written. A process that dies must lose nothing
# that it confirmed, or the tests would blame the service; only the loss of the whole machine is none of theirs.
_AS_CONFIRMED = (
    "ALTER SYSTEM SET synchronous_commit = on",
    "ALTER SYSTEM SET full_page_writes = on",
    "SELECT pg_reload_conf()",
)
_STOP_SECONDS = 30.0

_T = TypeVar("_T")


@dataclass
class Engines:
    """Both servers; what they are restarted on is always the same port."""

    folder: Path
    database_url: str = ""
    redis_url: str = ""
    _ports: dict[str, socket.socket] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.postgres = EmbeddedPostgres(self.folder, durable=False)
        self.valkey = EmbeddedValkey(self.folder, durable=False)

    async def start(self) -> None:
        """Starts both."""
        self.database_url = await asyncio.to_thread(self.postgres.start)
        self.redis_url = await asyncio.to_thread(self.valkey.start)
        admin = await asyncpg.connect(self.database_url)
        for statement in _AS_CONFIRMED:
            await admin.execute(statement)
        await admin.close()

    def stop(self) -> None:
        """Ends both for good."""
        self.postgres.stop()
        self.valkey.stop()
        for held in self._ports.values():
            held.close()

    async def end_postgres(self, number: signal.Signals) -> None:
        """Ends Postgres by a signal: SIGQUIT stops at once without tidying up, SIGKILL is a crash."""
        pid = self.postgres.pid()
        assert pid
        os.kill(pid, number)
        assert await asyncio.to_thread(wait_until, lambda: self.postgres.pid() is None, _STOP_SECONDS)
        self._hold(self.database_url)

    async def start_postgres(self) -> None:
        """Starts Postgres where it was."""
        assert await asyncio.to_thread(self.postgres.start) == self.database_url

    async def end_redis(self) -> None:
        """Kills Valkey."""
        await asyncio.to_thread(self.valkey.kill)
        self._hold(self.redis_url)

    async def start_redis(self) -> None:
        """Starts Valkey where it was."""
        assert await asyncio.to_thread(self.valkey.start) == self.redis_url

    async def wipe_redis(self) -> None:
        """Valkey forgets everything."""
        async with Redis.from_url(self.redis_url) as redis:
            assert await redis.flushall()

    def log(self) -> str:
        """What Postgres logged."""
        return (self.folder / "postgres.log").read_text(errors="replace")

    def _hold(self, url: str) -> None:
        """While a server is away, clients that connect again and again would else be given its port to connect from."""
        port = urlsplit(url).port
        assert port
        if url not in self._ports:
            self._ports[url] = hold_port(port)


async def steadily(ask: Callable[[], Awaitable[_T]], seconds: float = 60.0) -> _T:
    """What `ask` returns; asked again while Postgres is away."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await ask()
            except DATABASE_UNAVAILABLE:
                await asyncio.sleep(0.05)
