"""Hundreds of assessments go through while processes are killed and stopped, and Redis and Postgres are restarted.

Settings of a longer run, from the environment:

- ASSAY_SOAK_ROUNDS (1): rounds, one after the other in the same deployment. Each round injects all the faults of
  `chaos.FAULTS`, in another order.
- ASSAY_SOAK_ASSESSMENTS (500): assessments in each round.
- ASSAY_SOAK_SEED (1): seed for the order of the faults and the latencies of the model.
"""

import asyncio
import os
from random import Random
from uuid import UUID

import pytest

from app.repositories.sql import Pool
from tests.bank import Bank
from tests.fakes.balancer import Balancer, PatientClient
from tests.fakes.conditions import until
from tests.fakes.descending_scores import DescendingScores
from tests.fakes.model_server import ModelServer
from tests.faults.chaos import FAULTS, Chaos, shuffled_faults
from tests.faults.fault_servers import FaultServers, retry_while_down
from tests.faults.ledger import Ledger
from tests.faults.processes import Fleet
from tests.faults.students import start_and_answer, submit
from tests.faults.wrong_rows import ALL_EMBEDDED, NONE_OPEN, WRONG_ROWS

ROUNDS = int(os.environ.get("ASSAY_SOAK_ROUNDS", "1"))
ASSESSMENTS = int(os.environ.get("ASSAY_SOAK_ASSESSMENTS", "500"))
SEED = int(os.environ.get("ASSAY_SOAK_SEED", "1"))
# Completed assessments between two faults.
STEP = ASSESSMENTS // (sum(FAULTS.values()) + 1)
# More assessments that are started: work that is in flight when a fault happens.
IN_FLIGHT = 12
# Seconds, generous, for the work that is left after the last fault.
END_SECONDS = 180.0
FAST, SLOW = 0.05, 0.4

COUNT_KEYS = "SELECT count(*) FROM idempotency_keys WHERE path = '/assessments' OR path LIKE '%/submit'"
COUNT_CLAIMED_TWICE = "SELECT count(*) FROM async_jobs WHERE fence > 1"
# What no log may contain: a violated check of the counter of remaining jobs, and events of internal errors.
NEGATIVE_COUNT = "assessments_remaining_check"
INTERNAL_ERRORS = ('"job_raised"', '"job_not_ended"', '"maintenance_raised"')


@pytest.fixture
async def chaos(
    bank: Bank,
    ledger: Ledger,
    fleet: Fleet,
    fault_servers: FaultServers,
    balancer: Balancer,
    provider: ModelServer,
    pool: Pool,
) -> Chaos:
    """Two servers and two workers under test, of two processes each, ready, with all passages embedded. They allow a
    job to crash so often that none is given up."""
    random = Random(SEED)  # noqa: S311 - no secret
    provider.default = DescendingScores(random, FAST, SLOW)
    fleet.settings["JOB_MAX_CRASHES"] = "20"
    fleet.processes = 2
    await fleet.start(servers=2, workers=2)
    await until(lambda: pool.fetchval(ALL_EMBEDDED), END_SECONDS)
    return Chaos(fleet, fault_servers, ledger, balancer, pool, random)


async def run_round(chaos: Chaos, bank: Bank, number: int) -> list[UUID]:
    """Runs all assessments and injects all faults of a round; returns the ids of accepted submissions."""
    before = number * ASSESSMENTS
    allowed = asyncio.Semaphore(STEP + IN_FLIGHT)

    async def run_student(student_number: int) -> UUID:
        await allowed.acquire()
        client = PatientClient(chaos.balancer, f"student-{student_number}")
        return await submit(client, await start_and_answer(client, bank, f"Water rises in tree {student_number}."))

    async with asyncio.TaskGroup() as group:
        students = [group.create_task(run_student(before + offset)) for offset in range(ASSESSMENTS)]
        await chaos.run(shuffled_faults(chaos.random), before, STEP, allowed)
        for _ in students:
            allowed.release()
    return [student.result() for student in students]


async def test_nothing_is_lost_and_nothing_counts_twice(chaos: Chaos, bank: Bank, pool: Pool) -> None:
    accepted: list[UUID] = []
    for number in range(ROUNDS):
        accepted += await run_round(chaos, bank, number)
    await until(lambda: retry_while_down(lambda: pool.fetchval(NONE_OPEN)), END_SECONDS)
    assert chaos.done == {name: count * ROUNDS for name, count in FAULTS.items()}
    assert len(accepted) == ROUNDS * ASSESSMENTS
    assert set(accepted) == {row["id"] for row in await pool.fetch("SELECT id FROM assessments")}
    assert {name: await pool.fetchval(count) for name, count in WRONG_ROWS.items()} == dict.fromkeys(WRONG_ROWS, 0)
    assert await pool.fetchval(COUNT_KEYS) == 2 * ROUNDS * ASSESSMENTS
    assert await chaos.ledger.writes_by_others() == []
    assert chaos.balancer.outcomes["500"] == 0, chaos.fleet.log_lines_with('"request_failed"')
    check_that_faults_had_effects(chaos, await pool.fetchval(COUNT_CLAIMED_TWICE))
    assert NEGATIVE_COUNT not in chaos.fault_servers.log()
    assert chaos.fleet.log_lines_with(NEGATIVE_COUNT, *INTERNAL_ERRORS) == []


def check_that_faults_had_effects(chaos: Chaos, claimed_twice: int) -> None:
    """Checks that jobs were interrupted and requests failed; otherwise this test would show nothing."""
    outcomes = chaos.balancer.outcomes
    assert claimed_twice > ROUNDS * sum(FAULTS[name] for name in ("killed worker", "stopped worker"))
    assert outcomes["unanswered"] > 0
    assert outcomes["503"] > 0
