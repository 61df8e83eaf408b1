"""Redis fails over and Postgres turns read-only while students submit: nothing is lost, and nothing counts twice.

One fault of each kind; with ASSAY_SOAK_ROUNDS set, each round has three failovers of Redis and two of Postgres.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.repositories.sql import Pool
from tests.bank import Bank
from tests.conftest import with_database
from tests.fakes.balancer import Balancer, PatientClient
from tests.fakes.conditions import until
from tests.fakes.descending_scores import DescendingScores
from tests.fakes.model_server import ModelServer
from tests.fakes.redis_pair import RedisPair, redis_pair
from tests.faults.fault_servers import retry_while_down
from tests.faults.ledger import Ledger
from tests.faults.processes import Fleet
from tests.faults.students import start_and_answer, submit
from tests.faults.wrong_rows import ALL_EMBEDDED, NONE_OPEN, WRONG_ROWS

ROUND = ("redis", "postgres", "redis", "postgres", "redis")
FAULTS = ROUND * int(os.environ["ASSAY_SOAK_ROUNDS"]) if "ASSAY_SOAK_ROUNDS" in os.environ else ("redis", "postgres")
# Students before and after each fault, one after the other; others come while it lasts.
STUDENTS = 5
END_SECONDS = 60.0
CALL_SECONDS = 0.02, 0.2
COUNT_COMPLETED = "SELECT count(*) FROM assessments WHERE status = 'completed'"
# Requests that are refused before Postgres takes writes again. A few can meet with a session that was cut.
REFUSED = 5
END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
COUNT_CONNECTED = """
SELECT count(DISTINCT application_name) FROM pg_stat_activity WHERE datname = $1 AND application_name = ANY($2)
"""


@dataclass
class Deployment:
    """A server and two workers, with a pair of Valkey servers and a database that can be made read-only."""

    fleet: Fleet
    pair: RedisPair
    balancer: Balancer
    bank: Bank
    pool: Pool

    async def query(self, statement: str) -> Any:
        """The value of a statement, which is repeated while there is no database."""
        return await retry_while_down(lambda: self.pool.fetchval(statement))

    async def fail_over_postgres(self) -> None:
        """Cuts all sessions, so that each process opens others. These are read-only, and stay so when the database
        takes writes again, which it does when a student was refused."""
        url = self.fleet.settings["DATABASE_URL"]
        name = url.rsplit("/", 1)[1]
        processes = [process.process_name for process in (*self.fleet.servers, *self.fleet.workers)]
        admin = await asyncpg.connect(with_database(url, "postgres"))

        async def noticed() -> bool:
            reconnected = await admin.fetchval(COUNT_CONNECTED, name, processes)
            return bool(reconnected == len(processes) and self.balancer.outcomes["503"] >= refused + REFUSED)

        try:
            await admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
            await admin.execute(END_SESSIONS, name)
            refused = self.balancer.outcomes["503"]
            await until(noticed, END_SECONDS)
        finally:
            await admin.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
            await admin.close()

    async def until_available(self, outages: int) -> None:
        """Returns when every process has logged the end of so many outages of Postgres."""

        async def logged() -> bool:
            processes = (*self.fleet.servers, *self.fleet.workers)
            return all(process.log().count('"event": "database_available"') >= outages for process in processes)

        await until(logged, END_SECONDS)


@pytest.fixture
async def deployment(
    bank: Bank, tmp_path: Path, fleet: Fleet, provider: ModelServer, ledger: Ledger, balancer: Balancer, pool: Pool
) -> AsyncIterator[Deployment]:
    """The processes, ready, with all passages embedded."""
    provider.default = DescendingScores(Random(1), *CALL_SECONDS)  # noqa: S311 - no secret
    async with redis_pair(tmp_path) as pair:
        fleet.settings["REDIS_URL"] = pair.url
        await fleet.start(servers=1, workers=2)
        await until(lambda: pool.fetchval(ALL_EMBEDDED), END_SECONDS)
        yield Deployment(fleet, pair, balancer, bank, pool)
        await fleet.stop()


async def test_failovers_lose_nothing_and_count_nothing_twice(deployment: Deployment, ledger: Ledger) -> None:
    accepted: list[UUID] = []

    async def submit_one() -> None:
        client = PatientClient(deployment.balancer, f"student-{len(accepted)}")
        path = await start_and_answer(client, deployment.bank, f"Tree {len(accepted)}.")
        accepted.append(await submit(client, path))

    faults = {"redis": deployment.pair.fail_over, "postgres": deployment.fail_over_postgres}
    for number, name in enumerate(FAULTS, 1):
        for _ in range(STUDENTS):
            await submit_one()
        fault = asyncio.create_task(faults[name]())
        while not fault.done():
            await submit_one()
        await fault
        for _ in range(STUDENTS):
            await submit_one()
        # Each server has to lead to the end of all work, or a later fault might help an earlier one.
        await until(lambda: deployment.query(NONE_OPEN), END_SECONDS)
        await deployment.until_available(FAULTS[:number].count("postgres"))
        if number == 1:
            assert deployment.balancer.outcomes["503"] == 0, "no student notices a failover of Redis"
    assert len(accepted) == await deployment.query(COUNT_COMPLETED)
    assert set(accepted) == {row["id"] for row in await deployment.pool.fetch("SELECT id FROM assessments")}
    wrong = {name: await deployment.query(count) for name, count in WRONG_ROWS.items()}
    assert wrong == dict.fromkeys(WRONG_ROWS, 0)
    assert await ledger.writes_by_others() == []
    assert deployment.balancer.outcomes["500"] == 0
