"""Fixtures for a deployment whose parts fail: Postgres and Valkey of its own, a database for each test, processes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from app.repositories.migrations import migrate
from app.repositories.sql import Pool
from tests.bank import Bank, create_bank
from tests.conftest import SECRET, UNLIMITED, with_database
from tests.fakes.balancer import Balancer, open_session
from tests.fakes.held_model_calls import HeldModelCalls
from tests.fakes.model_server import ModelServer, model_server
from tests.faults.fault_servers import FaultServers
from tests.faults.ledger import Ledger
from tests.faults.processes import Fleet

# As short as possible, but long enough for heartbeats on a busy machine.
LEASE_SECONDS = 2


@pytest.fixture(scope="session")
async def fault_servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FaultServers]:
    """Postgres, with a migrated database to clone, and Valkey."""
    fault_servers = FaultServers(tmp_path_factory.mktemp("fault_servers"))
    try:
        await fault_servers.start()
        await asyncio.to_thread(migrate, fault_servers.database_url)
        yield fault_servers
    finally:
        await asyncio.to_thread(fault_servers.stop)


@pytest.fixture
async def database_url(fault_servers: FaultServers) -> str:
    """A migrated database of the test's own. Starts Postgres again if the last test stopped it."""
    await fault_servers.start()
    name = f"faults_{uuid4().hex}"
    admin = await asyncpg.connect(with_database(fault_servers.database_url, "postgres"))
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE assay')
    await admin.close()
    return with_database(fault_servers.database_url, name)


@pytest.fixture
async def redis_url(fault_servers: FaultServers) -> str:
    """An empty Valkey. Starts it again if the last test stopped it."""
    await fault_servers.start()
    await fault_servers.wipe_redis()
    return fault_servers.redis_url


@pytest.fixture
async def bank(pool: Pool) -> Bank:
    """The small track."""
    return await create_bank(pool)


@pytest.fixture
async def ledger(pool: Pool) -> Ledger:
    """Records who claims jobs and writes to them."""
    ledger = Ledger(pool)
    await ledger.install()
    return ledger


@pytest.fixture
async def provider() -> AsyncIterator[ModelServer]:
    """A fake model provider."""
    async with model_server() as server:
        yield server


@pytest.fixture
def calls(provider: ModelServer) -> HeldModelCalls:
    """The calls of the fake provider, which wait until the test answers them."""
    calls = HeldModelCalls()
    provider.default = calls
    return calls


@pytest.fixture
async def fleet(database_url: str, redis_url: str, provider: ModelServer, tmp_path: Path) -> AsyncIterator[Fleet]:
    """A deployment without processes yet. Those that the test adds are killed at its end; before that, each may have
    exited only cleanly or by SIGKILL."""
    settings = UNLIMITED | {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "JWT_SECRET": SECRET,
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": provider.url,
        "OPENAI_MODEL": "gpt-test",
        "JOB_LEASE_SECONDS": str(LEASE_SECONDS),
        "JOB_RETRY_DELAY": "0.1",
    }
    fleet = Fleet(settings, tmp_path)
    try:
        yield fleet
    finally:
        await fleet.stop()
    assert fleet.unexpected_exits() == []


@pytest.fixture
async def balancer(fleet: Fleet) -> AsyncIterator[Balancer]:
    """Sends requests to the fleet's servers, also to those added later."""
    async with open_session() as session:
        yield Balancer(session, fleet.urls)
