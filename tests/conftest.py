"""Postgres and Valkey for all tests, started once for each test process, and what stands on them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import hypothesis
import pytest
import pytest_asyncio
import structlog
from redis.asyncio import Redis
from structlog.contextvars import merge_contextvars
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from app import outages
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.local.embedded import ServerUrls, embedded_servers
from app.repositories.migrations import migrate
from app.repositories.sql import Connection, Pool
from app.settings import Settings, load_settings
from app.wiring.pool import open_pool
from tests.job_runner import Finish, job_runner, run_due_jobs

# The same examples in each run: what fails depends on what was changed. `--hypothesis-profile=default` takes new ones.
hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.load_profile("repeatable")

_TESTS = Path(__file__).parent
SECRET = "a secret of the tests, long enough for HS256"
# For servers that get more requests of one caller than any caller sends.
UNLIMITED = {"RATE_LIMIT": "0", "RATE_LIMIT_ADDRESS": "0"}
# Their tests run first, in this order: at the end of a run, short files keep all processes busy.
_SLOWEST_FOLDERS = (
    "faults",
    "browser",
    "training",
    "workers",
    "cli",
    "clients",
    "evaluation",
    "local",
    "web",
    "services",
)
# aiohttp waits for the rest of a body for ten seconds, even if the client has gone.
_LAST_STEPS_SECONDS = 30
# TRUNCATE makes new files for every table and index, which takes several times as long as deleting a few rows. It is
# needed where planner statistics or much space of deleted rows would be left to the next test.
_EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
SET session_replication_role = replica;  -- no triggers, so no foreign keys either
DO $$
DECLARE
    tables regclass[] := ARRAY(SELECT oid::regclass FROM pg_class WHERE relnamespace = 'public'::regnamespace
                               AND relkind = 'r' AND relname !~ '^_?yoyo');
    name regclass;
BEGIN
    IF EXISTS (SELECT FROM pg_class
               WHERE oid = ANY(tables) AND (reltuples >= 0 OR pg_relation_size(oid) > 1000000)) THEN
        EXECUTE 'TRUNCATE ' || array_to_string(tables, ', ') || ' RESTART IDENTITY CASCADE';
    ELSE
        FOREACH name IN ARRAY tables LOOP EXECUTE 'DELETE FROM ' || name; END LOOP;
        PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
        FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL;
    END IF;
END $$;
"""


class _DestroyedTasks(logging.Handler):
    """Keeps what asyncio logs of tasks that were collected as garbage before they ended."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message.startswith("Task was destroyed"):
            self.messages.append(message)


class _Scheduling(LoadFileScheduling):
    """Runs the tests of a file in one process, and all of tests/faults in one: each starts a whole deployment."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/faults" if nodeid.startswith("tests/faults/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Our own way to distribute tests, in the place of `--dist loadfile`."""
    return _Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Moves the slowest folders to the front."""
    ranks = {folder: rank for rank, folder in enumerate(_SLOWEST_FOLDERS)}
    items.sort(key=lambda item: ranks.get(item.path.relative_to(_TESTS).parts[0], len(ranks)))


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> Iterator[None]:
    """Logs as JSON, as the product writes them: structlog's coloured tracebacks take seconds each."""
    render = structlog.processors.JSONRenderer()
    structlog.configure(processors=[merge_contextvars, structlog.processors.format_exc_info, render])
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def no_outage_is_ongoing() -> None:
    """Otherwise what an earlier test found unavailable would be logged as available in the middle of this one."""
    for known in vars(outages).values():
        if isinstance(known, outages.Outage):
            known._since = None


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def no_task_is_left() -> AsyncIterator[None]:
    """Fails where the tests of a module leave a task that waits for ever. Whenever the garbage with it is collected, it
    ends with an error, in the middle of another test."""
    before = asyncio.all_tasks()
    destroyed = _DestroyedTasks()
    logging.getLogger("asyncio").addHandler(destroyed)
    yield
    logging.getLogger("asyncio").removeHandler(destroyed)
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    if left:
        _, left = await asyncio.wait(left, timeout=_LAST_STEPS_SECONDS)
    problems = [*(f"left waiting: {task!r}" for task in left), *destroyed.messages]
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUrls]:
    """One Postgres and one Valkey for all tests; nothing is synced to disk, since their data may be lost."""
    with embedded_servers(tmp_path_factory.mktemp("servers"), durable=False) as urls:
        yield urls


@pytest.fixture(scope="session")
def migrated_url(servers: ServerUrls) -> str:
    """A migrated database."""

    async def create() -> None:
        admin = await asyncpg.connect(servers.superuser_url)
        await admin.execute("CREATE DATABASE assay_tests")
        await admin.close()

    asyncio.run(create())
    url = with_database(servers.superuser_url, "assay_tests")
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
    """Settings of a deployment over the test's database and Redis. No rate is limited: many tests send in seconds what
    a caller sends in an hour."""
    return load_settings(UNLIMITED, database_url=database_url, redis_url=redis_url, jwt_secret=SECRET)


@pytest.fixture
async def finish(pool: Pool, settings: Settings) -> AsyncIterator[Finish]:
    """Runs all jobs to their end, in this process and without notifications."""
    embedder = OfflineEmbedder()
    running = job_runner(pool, settings.secret("redis_url"), embedder)

    async def run() -> None:
        await run_due_jobs(pool, running)

    yield run
    await running.job_queue.redis.aclose()
    await embedder.close()


def with_database(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return f"{url.rsplit('/', 1)[0]}/{name}"
