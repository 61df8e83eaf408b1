"""Real Postgres and Valkey for all tests: started once, a clone of the migrated database for each test that commits."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import asyncpg
import pytest
from redis.asyncio import Redis

from app.context import open_pool
from app.embedded import ServerUrls, embedded_servers
from app.repositories.migrations import migrate
from app.repositories.sql import Connection, Pool
from app.settings import Settings, load_settings

SECRET = "a secret of the tests, long enough for HS256"
_TEMPLATE = "assay_template"


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUrls]:
    """One Postgres and one Valkey for the whole run; their data may be lost, so nothing is synced to disk."""
    with embedded_servers(tmp_path_factory.mktemp("servers"), durable=False) as urls:
        yield urls


@pytest.fixture(scope="session")
def template_url(servers: ServerUrls) -> str:
    """A migrated database that tests clone; nobody stays connected to it."""

    async def recreate() -> None:
        conn = await asyncpg.connect(servers.database_url)
        await conn.execute(f'DROP DATABASE IF EXISTS "{_TEMPLATE}"')
        await conn.execute(f'CREATE DATABASE "{_TEMPLATE}"')
        await conn.close()

    asyncio.run(recreate())
    url = with_database(servers.database_url, _TEMPLATE)
    migrate(url)
    return url


@pytest.fixture
async def database_url(servers: ServerUrls, template_url: str) -> AsyncIterator[str]:
    """A database of the test's own, where commits matter."""
    name = f"test_{uuid4().hex}"
    admin = await asyncpg.connect(servers.database_url)
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{_TEMPLATE}"')
    yield with_database(servers.database_url, name)
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """A pool as the product opens it."""
    async with open_pool(database_url, "tests", 20) as pool:
        yield pool


@pytest.fixture
async def conn(pool: Pool) -> AsyncIterator[Connection]:
    """One connection."""
    async with pool.acquire() as conn:
        yield conn


@pytest.fixture
async def redis_url(servers: ServerUrls) -> AsyncIterator[str]:
    """An empty Valkey."""
    client: Redis = Redis.from_url(servers.redis_url)
    await client.flushall()
    yield servers.redis_url
    await client.aclose()


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    """Settings of a deployment over the test's own database."""
    return load_settings(database_url=database_url, redis_url=redis_url, jwt_secret=SECRET)


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    return f"{url.rsplit('/', 1)[0]}/{name}"
