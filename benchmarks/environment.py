"""The environment of the benchmark: Postgres and Valkey of its own, and a fresh database for each part."""

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
from app.wiring.pool import open_pool
from tests.bank import Bank, create_bank
from tests.conftest import with_database

_T = TypeVar("_T")
_TEMPLATE = "assay_bench"
_PART = "assay_bench_part"
# As many as a server or worker opens.
CONNECTIONS = 16


@dataclass(frozen=True)
class Environment:
    """The servers, a folder for logs, the questions of a small track, and whether to measure with the largest tables,
    too."""

    servers: ServerUrls
    folder: Path
    bank: Bank
    large: bool = False

    @property
    def database_name(self) -> str:
        """Name of the current part's database."""
        return _PART

    @property
    def database_url(self) -> str:
        """URL of the current part's database."""
        return with_database(self.servers.superuser_url, _PART)

    @property
    def redis_url(self) -> str:
        """URL of Valkey, which is empty when a part begins."""
        return self.servers.redis_url

    def reset(self) -> None:
        """Replaces the database by one with nothing but the small track, and empties Valkey."""
        asyncio.run(_clone_template(self.servers.superuser_url))
        with Redis.from_url(self.redis_url) as redis:
            redis.flushall()

    def run(self, query: Callable[[Pool], Awaitable[_T]]) -> _T:
        """Runs a coroutine function with a connection pool of the part's database and returns its result."""
        return asyncio.run(_with_pool(self.database_url, query))


@contextmanager
def open_environment(*, large: bool = False) -> Iterator[Environment]:
    """Starts the servers in a temporary folder. They write to disk, so that commits cost what they do when deployed."""
    with TemporaryDirectory(prefix="assay-bench-") as name, embedded_servers(Path(name) / "data", durable=True) as urls:
        template = with_database(urls.superuser_url, _TEMPLATE)
        asyncio.run(_execute(urls.superuser_url, f"CREATE DATABASE {_TEMPLATE}"))
        migrate(template)
        bank = asyncio.run(_with_pool(template, create_bank))
        yield Environment(urls, Path(name), bank, large)


async def _clone_template(admin_url: str) -> None:
    await _execute(admin_url, f"DROP DATABASE IF EXISTS {_PART} WITH (FORCE)")
    await _execute(admin_url, f"CREATE DATABASE {_PART} TEMPLATE {_TEMPLATE}")


async def _execute(url: str, statement: str) -> None:
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(statement)
    finally:
        await conn.close()


async def _with_pool(url: str, query: Callable[[Pool], Awaitable[_T]]) -> _T:
    async with open_pool(url, "assay bench", CONNECTIONS) as pool:
        return await query(pool)
