"""Redis fails over while students submit: nothing is lost, and nothing counts twice.

One failover; with ASSAY_SOAK_ROUNDS set, three in each round.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from app.repositories.sql import Pool
from tests.bank import Bank
from tests.fakes.balancer import Balancer, PatientClient
from tests.fakes.conditions import until
from tests.fakes.descending_scores import DescendingScores
from tests.fakes.model_server import ModelServer
from tests.fakes.redis_pair import RedisPair, redis_pair
from tests.faults.ledger import Ledger
from tests.faults.processes import Fleet
from tests.faults.students import start_and_answer, submit
from tests.faults.wrong_rows import ALL_EMBEDDED, NONE_OPEN, WRONG_ROWS

FAILOVERS = 3 * int(os.environ["ASSAY_SOAK_ROUNDS"]) if "ASSAY_SOAK_ROUNDS" in os.environ else 1
# Students before each failover, during it, and after it, one after the other.
STUDENTS = 5
END_SECONDS = 60.0
CALL_SECONDS = 0.02, 0.2
COUNT_COMPLETED = "SELECT count(*) FROM assessments WHERE status = 'completed'"


@pytest.fixture
async def pair(
    bank: Bank, tmp_path: Path, fleet: Fleet, provider: ModelServer, ledger: Ledger, pool: Pool
) -> AsyncIterator[RedisPair]:
    """A primary and its replica, and a server and two workers that use them."""
    provider.default = DescendingScores(Random(1), *CALL_SECONDS)  # noqa: S311 - no secret
    async with redis_pair(tmp_path) as pair:
        fleet.settings["REDIS_URL"] = pair.url
        await fleet.start(servers=1, workers=2)
        await until(lambda: pool.fetchval(ALL_EMBEDDED), END_SECONDS)
        yield pair
        await fleet.stop()


async def test_a_failover_of_redis_loses_nothing_and_counts_nothing_twice(
    pair: RedisPair, bank: Bank, balancer: Balancer, ledger: Ledger, pool: Pool
) -> None:
    accepted: list[UUID] = []

    async def submit_some() -> None:
        for _ in range(STUDENTS):
            client = PatientClient(balancer, f"student-{len(accepted)}")
            accepted.append(await submit(client, await start_and_answer(client, bank, f"Tree {len(accepted)}.")))

    for _ in range(FAILOVERS):
        await submit_some()
        await asyncio.gather(submit_some(), pair.fail_over())
        await submit_some()
        # Each primary has to lead to the end of all work, or a later failover might help an earlier one.
        await until(lambda: pool.fetchval(NONE_OPEN), END_SECONDS)
    assert len(accepted) == await pool.fetchval(COUNT_COMPLETED) == 3 * STUDENTS * FAILOVERS
    assert set(accepted) == {row["id"] for row in await pool.fetch("SELECT id FROM assessments")}
    assert {name: await pool.fetchval(count) for name, count in WRONG_ROWS.items()} == dict.fromkeys(WRONG_ROWS, 0)
    assert await ledger.writes_by_others() == []
    assert balancer.outcomes["500"] == balancer.outcomes["503"] == 0
