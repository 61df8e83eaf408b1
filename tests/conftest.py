"""Postgres and Valkey for all tests, started once for each test process, and what stands on them."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import structlog
from redis.asyncio import Redis
from structlog.contextvars import merge_contextvars

from app.clients.llm.embeddings_local import OfflineEmbedder
from app.local.embedded import ServerUrls, embedded_servers
from app.repositories.migrations import migrate
from app.repositories.sql import Connection, Pool
from app.settings import Settings, load_settings
from app.wiring.pool import open_pool
from tests.pipelines import Finish, pipeline, run_all

SECRET = "a secret of the tests, long enough for HS256"
_EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$ BEGIN
    EXECUTE (SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') || ' RESTART IDENTITY CASCADE'
             FROM pg_tables WHERE schemaname = 'public' AND tablename !~ '^_?yoyo');
END $$;
"""


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> Iterator[None]:
    """Logs as JSON, as the product writes them: structlog's coloured tracebacks take seconds each."""
    render = structlog.processors.JSONRenderer()
    structlog.configure(processors=[merge_contextvars, structlog.processors.format_exc_info, render])
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUrls]:
    """One Postgres and one Valkey for all tests; nothing is synced to disk, since their data may be lost."""
    with embedded_servers(tmp_path_factory.mktemp("servers"), durable=False) as urls:
        yield urls


@pytest.fixture(scope="session")
def migrated_url(servers: ServerUrls) -> str:
    """A migrated database."""

    async def create() -> None:
        admin = await asyncpg.connect(servers.database_url)
        await admin.execute("CREATE DATABASE assay_tests")
        await admin.close()

    asyncio.run(create())
    url = with_database(servers.database_url, "assay_tests")
    migrate(url)
    return url


@pytest.fixture
async def database_url(migrated_url: str) -> AsyncIterator[str]:
    """The migrated database, emptied, for tests that commit. Cloning a template instead would take ten times as long.
    Sessions that a former test left are ended."""
    admin = await asyncpg.connect(migrated_url)
    await admin.execute(_EMPTY)
    await admin.close()
    yield migrated_url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """A pool as the product opens it."""
    async with open_pool(database_url, "tests", 20) as pool:
        yield pool


@pytest.fixture
async def conn(pool: Pool) -> AsyncIterator[Connection]:
    """A connection of the pool."""
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
    """Settings of a deployment over the test's database and Redis."""
    return load_settings(database_url=database_url, redis_url=redis_url, jwt_secret=SECRET)


@pytest.fixture
async def finish(pool: Pool, settings: Settings) -> AsyncIterator[Finish]:
    """Runs all jobs to their end, in this process and without notifications."""
    embedder = OfflineEmbedder()
    running = pipeline(pool, settings.secret("redis_url"), embedder)

    async def run() -> None:
        await run_all(pool, running)

    yield run
    await running.job_queue.redis.aclose()
    await embedder.close()


def with_database(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return f"{url.rsplit('/', 1)[0]}/{name}"
