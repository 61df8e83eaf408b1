"""What the bench stands on: servers of its own, and a fresh database for each part."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import asyncpg
from redis import Redis

from app.local.embedded import ServerUrls, embedded_servers
from app.repositories.migrations import migrate
from app.repositories.sql import Pool
from app.wiring.context import open_pool
from tests.bank import Bank, plant
from tests.conftest import with_database

_T = TypeVar("_T")
_TEMPLATE = "assay_bench"
_PART = "assay_bench_part"
# As many as a server or worker opens.
CONNECTIONS = 16


@dataclass(frozen=True)
class Ground:
    """The servers, a folder for logs, and the small track."""

    servers: ServerUrls
    folder: Path
    bank: Bank

    @property
    def database_name(self) -> str:
        """What the part's database is called."""
        return _PART

    @property
    def database_url(self) -> str:
        """The part's database."""
        return with_database(self.servers.database_url, _PART)

    @property
    def redis_url(self) -> str:
        """Valkey, empty when a part begins."""
        return self.servers.redis_url

    def clear(self) -> None:
        """A database with the small track and nothing else, an empty Valkey."""
        asyncio.run(_clone(self.servers.database_url))
        with Redis.from_url(self.redis_url) as redis:
            redis.flushall()

    def run(self, work: Callable[[Pool], Awaitable[_T]]) -> _T:
        """Does something in the part's database."""
        return asyncio.run(_with_pool(self.database_url, work))


@contextmanager
def open_ground() -> Iterator[Ground]:
    """Servers in a temporary folder. They write to disk as in a deployment: commits have to cost what they cost."""
    with TemporaryDirectory(prefix="assay-bench-") as name, embedded_servers(Path(name) / "data", durable=True) as urls:
        template = with_database(urls.database_url, _TEMPLATE)
        asyncio.run(_execute(urls.database_url, f"CREATE DATABASE {_TEMPLATE}"))
        migrate(template)
        bank = asyncio.run(_with_pool(template, plant))
        yield Ground(urls, Path(name), bank)


async def _clone(admin_url: str) -> None:
    await _execute(admin_url, f"DROP DATABASE IF EXISTS {_PART} WITH (FORCE)")
    await _execute(admin_url, f"CREATE DATABASE {_PART} TEMPLATE {_TEMPLATE}")


async def _execute(url: str, statement: str) -> None:
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(statement)
    finally:
        await conn.close()


async def _with_pool(url: str, work: Callable[[Pool], Awaitable[_T]]) -> _T:
    async with open_pool(url, "assay bench", CONNECTIONS) as pool:
        return await work(pool)
