"""Hundreds of assessments sat over HTTP while processes are killed and stopped, Redis forgets, and engines restart.

Settings of a longer run, from the environment:

- ASSAY_SOAK_ROUNDS (1): how often everything is done, one after the other in the same deployment. Each round injects
  all the faults of `chaos.FAULTS`, in another order.
- ASSAY_SOAK_ASSESSMENTS (500): assessments in each round.
- ASSAY_SOAK_SEED (1): of the order of the faults and the latencies of the model.
"""

import asyncio
import os
import random
from uuid import UUID

import pytest

from app.repositories.sql import Pool
from tests.bank import Bank
from tests.fakes.balancer import Balancer, PatientClient
from tests.fakes.conditions import until
from tests.fakes.model_server import ModelServer
from tests.fakes.telling_scores import TellingScores
from tests.faults.chaos import FAULTS, Chaos, plan
from tests.faults.engines import Engines, steadily
from tests.faults.ledger import Ledger
from tests.faults.processes import Fleet
from tests.faults.students import begin, submit

ROUNDS = int(os.environ.get("ASSAY_SOAK_ROUNDS", "1"))
ASSESSMENTS = int(os.environ.get("ASSAY_SOAK_ASSESSMENTS", "500"))
SEED = int(os.environ.get("ASSAY_SOAK_SEED", "1"))
# Finished assessments between two faults.
STEP = ASSESSMENTS // (sum(FAULTS.values()) + 1)
# Begun assessments beyond those: work that is in flight when a fault comes.
IN_FLIGHT = 12
# Seconds, generous, for what is left after the last fault.
END_SECONDS = 180.0
FAST, SLOW = 0.05, 0.4

# Each counts rows that may not be there.
WRONG = {
    "assessments that are not completed, or degraded, or wait for jobs, or ran again": """
        SELECT count(*) FROM assessments WHERE status <> 'completed' OR degraded OR remaining <> 0 OR run <> 1""",
    "questions without exactly one score, and scores of nothing": """
        SELECT count(*) FROM assessment_questions q
        FULL JOIN (SELECT assessment_id, question_id, count(*), bool_and(run = 1 AND score IS NOT NULL) AS sound
                   FROM scores GROUP BY assessment_id, question_id) AS s USING (assessment_id, question_id)
        WHERE q.position IS NULL OR s.count IS DISTINCT FROM 1 OR NOT s.sound""",
    "essays that the model did not score": """
        SELECT count(*) FROM scores WHERE score_type = 'essay_gpt' AND scorer IS DISTINCT FROM 'gpt'""",
    "essays with another score in the result than in the rows": """
        SELECT count(*) FROM scores s JOIN results r USING (assessment_id, run)
        WHERE s.score_type = 'essay_gpt' AND NOT EXISTS (
            SELECT FROM json_array_elements(r.body -> 'breakdown' -> 'essay' -> 'questions') AS line
            WHERE line ->> 'question_id' = s.question_id::text AND (line ->> 'score')::float8 = s.score)""",
    "assessments without exactly one result": """
        SELECT count(*) FROM assessments a
        WHERE (SELECT count(*) FROM results r WHERE r.assessment_id = a.id) <> 1""",
    "assessments without exactly three jobs, all well ended and claimed": """
        SELECT count(*) FROM assessments a
        WHERE (SELECT count(*) FROM async_jobs j
               WHERE j.assessment_id = a.id AND j.status = 'completed' AND j.fence > 0) <> 3
           OR (SELECT count(*) FROM async_jobs j WHERE j.assessment_id = a.id) <> 3""",
}
SEARCHABLE = "SELECT bool_and(embedding IS NOT NULL) FROM passage_vectors"
OPEN = "SELECT count(*) = 0 FROM assessments WHERE status IN ('in_progress', 'submitted')"
KEYS = "SELECT count(*) FROM idempotency_keys WHERE path = '/assessments' OR path LIKE '%/submit'"
TWICE = "SELECT count(*) FROM async_jobs WHERE fence > 1"
# What no process may have logged: a count below zero, and faults of our own.
COUNTED_BELOW_ZERO = "assessments_remaining_check"
OWN_FAULTS = ('"job_raised"', '"job_not_ended"', '"maintenance_raised"')


@pytest.fixture
async def chaos(
    bank: Bank,
    ledger: Ledger,
    fleet: Fleet,
    engines: Engines,
    balancer: Balancer,
    provider: ModelServer,
    pool: Pool,
) -> Chaos:
    """Two servers and three workers to be broken, ready for everything that they may be asked. No job is given up for
    all the workers that die with it."""
    chance = random.Random(SEED)  # noqa: S311 - no secret
    provider.default = TellingScores(chance, FAST, SLOW)
    fleet.settings["JOB_MAX_CRASHES"] = "20"
    await fleet.start(servers=2, workers=3)
    await until(lambda: pool.fetchval(SEARCHABLE), END_SECONDS)
    return Chaos(fleet, engines, ledger, balancer, pool, chance)


async def a_round(chaos: Chaos, bank: Bank, number: int) -> list[UUID]:
    """All assessments and all faults; returns the ids of the submissions that were accepted."""
    before = number * ASSESSMENTS
    allowed = asyncio.Semaphore(STEP + IN_FLIGHT)

    async def student(place: int) -> UUID:
        await allowed.acquire()
        client = PatientClient(chaos.balancer, f"student-{place}")
        return await submit(client, await begin(client, bank, f"Water rises in tree {place}."))

    async with asyncio.TaskGroup() as group:
        students = [group.create_task(student(before + place)) for place in range(ASSESSMENTS)]
        await chaos.run(plan(chaos.chance), before, STEP, allowed)
        for _ in students:
            allowed.release()
    return [student.result() for student in students]


async def test_nothing_is_lost_and_nothing_counts_twice(chaos: Chaos, bank: Bank, pool: Pool) -> None:
    accepted: list[UUID] = []
    for number in range(ROUNDS):
        accepted += await a_round(chaos, bank, number)
    await until(lambda: steadily(lambda: pool.fetchval(OPEN)), END_SECONDS)
    assert chaos.done == {name: count * ROUNDS for name, count in FAULTS.items()}
    assert len(accepted) == ROUNDS * ASSESSMENTS
    assert set(accepted) == {row["id"] for row in await pool.fetch("SELECT id FROM assessments")}
    assert {name: await pool.fetchval(count) for name, count in WRONG.items()} == dict.fromkeys(WRONG, 0)
    assert await pool.fetchval(KEYS) == 2 * ROUNDS * ASSESSMENTS
    assert await chaos.ledger.strangers() == []
    assert chaos.balancer.outcomes["500"] == 0, chaos.fleet.lines_with('"request_failed"')
    check_that_it_bit(chaos, await pool.fetchval(TWICE))
    assert COUNTED_BELOW_ZERO not in chaos.engines.log()
    assert chaos.fleet.lines_with(COUNTED_BELOW_ZERO, *OWN_FAULTS) == []


def check_that_it_bit(chaos: Chaos, ran_twice: int) -> None:
    """Faults that nobody felt would show nothing."""
    felt = chaos.balancer.outcomes
    assert ran_twice > ROUNDS * sum(FAULTS[name] for name in ("killed worker", "stopped worker"))
    assert felt["unanswered"] > 0
    assert felt["503"] > 0
