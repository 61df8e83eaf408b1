"""Servers and workers without Postgres, without Redis or without migrations log that once, and run on."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import aiohttp
import asyncpg
import orjson
import pytest

from app.repositories.migrations import migrate
from tests.conftest import SECRET, with_database
from tests.fakes.conditions import until
from tests.faults.fault_servers import FaultServers
from tests.faults.processes import Fleet, Service

SECONDS = 60.0


class ClosingServer:
    """Accepts connections and closes them at once."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0

    async def refused(self, count: int) -> None:
        """Returns after so many connections."""

        async def enough() -> bool:
            return self.connections >= count

        await until(enough, SECONDS)

    def _close(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()


@asynccontextmanager
async def closing_server() -> AsyncIterator[ClosingServer]:
    """A server in the place of Postgres or Redis."""
    closing = ClosingServer()
    server = await asyncio.start_server(closing._close, "127.0.0.1", 0)
    closing.port = server.sockets[0].getsockname()[1]
    async with server:
        yield closing


def events(service: Service) -> Counter[str]:
    """The numbers of log lines by event, without those of requests."""
    lines = [orjson.loads(line) for line in service.log().splitlines()]
    return Counter(line["event"] for line in lines if line["event"] != "request")


@pytest.fixture
async def bare_fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    """A deployment without servers of its own; each test names them."""
    fleet = Fleet({"JWT_SECRET": SECRET}, tmp_path)
    yield fleet
    await fleet.stop()
    assert fleet.unexpected_exits() == []


async def test_without_postgres_and_redis_each_is_logged_once(bare_fleet: Fleet) -> None:
    async with closing_server() as postgres, closing_server() as redis, aiohttp.ClientSession() as session:
        bare_fleet.settings |= {
            "DATABASE_URL": f"postgresql://assay:hidden@127.0.0.1:{postgres.port}/d",
            "REDIS_URL": f"redis://:hidden@127.0.0.1:{redis.port}",
        }
        worker = await bare_fleet.add_worker()
        await asyncio.gather(postgres.refused(6), redis.refused(40))
        server = await bare_fleet.add_server()
        for _ in range(20):
            async with session.get(f"{bare_fleet.urls[-1]}/readyz") as reply:
                assert reply.status == 503
        await redis.refused(60)
        for service in (worker, server):
            counts = events(service)
            # A server without SECRETS_KEY says so once.
            assert counts.pop("webhook_secrets_in_clear", 0) == (service is server)
            assert (counts["redis_unavailable"], counts["database_unavailable"]) == (1, 1), counts
            assert counts.total() == 3, "and that it has started"
            assert '"setting": "REDIS_URL"' in service.log() and '"setting": "DATABASE_URL"' in service.log()
            assert "hidden" not in service.log()
            assert await service.end(signal.SIGTERM) == 0


async def test_without_migrations_the_command_to_run_is_logged_once(
    bare_fleet: Fleet, fault_servers: FaultServers
) -> None:
    await fault_servers.start()
    name = f"empty_{uuid4().hex}"
    admin = await asyncpg.connect(with_database(fault_servers.database_url, "postgres"))
    await admin.execute(f'CREATE DATABASE "{name}"')
    await admin.close()
    url = with_database(fault_servers.database_url, name)
    bare_fleet.settings |= {"DATABASE_URL": url, "REDIS_URL": fault_servers.redis_url}
    server, worker = await asyncio.gather(bare_fleet.add_server(), bare_fleet.add_worker())
    async with aiohttp.ClientSession() as session:
        for _ in range(20):
            async with session.get(f"{bare_fleet.urls[0]}/readyz") as reply:
                assert (reply.status, (await reply.json())["migrations"]) == (
                    503,
                    "none applied; run `assay migrate`",
                )
    for service in (server, worker):
        await service.wait_for_event("database_not_migrated")
        assert "run `assay migrate`" in service.log()
    await asyncio.to_thread(migrate, url)
    for service in (server, worker):
        await service.wait_for_event("database_migrated")
        counts = events(service)
        assert (counts["database_not_migrated"], counts["database_unavailable"]) == (1, 0), counts
        assert await service.end(signal.SIGTERM) == 0


async def test_the_end_of_an_outage_is_logged_once(fleet: Fleet, fault_servers: FaultServers) -> None:
    await fleet.start(servers=1, workers=1)
    await fault_servers.end_redis()
    await fault_servers.end_postgres(signal.SIGQUIT)
    services = (*fleet.servers, *fleet.workers)
    for service in fleet.workers:
        await service.wait_for_event("redis_unavailable")
        await service.wait_for_event("database_unavailable")
    await fleet.servers[0].wait_for_event("redis_unavailable")
    await fault_servers.start()
    for service in services:
        await service.wait_for_event("redis_available")
    await fleet.workers[0].wait_for_event("database_available")
    for service in services:
        counts = events(service)
        assert counts["redis_unavailable"] == counts["redis_available"] == 1
        assert counts["database_unavailable"] == counts["database_available"]
