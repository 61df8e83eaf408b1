"""Work of a worker that dies or is told to stop is taken over: soon, uncharged where nobody failed, not paid twice."""

import asyncio
import signal
import time
from datetime import timedelta

import pytest

from app.domain.states import JobType
from app.repositories.sql import Pool
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.held_calls import HeldCalls
from tests.faults.ledger import Ledger
from tests.faults.processes import Fleet
from tests.faults.students import completed
from tests.pipelines import job_id, submit

# Longer than in the other tests, so that heartbeats that come late do not end it.
LEASE_SECONDS = 3
# What the contract gives for noticing that a lease ran out.
MARGIN_SECONDS = 2
STOPS = 10
ESSAY, ESSAY_TWO = "Water rises in the xylem.", "Roots take water in from the soil."


@pytest.fixture
async def fleet(fleet: Fleet) -> Fleet:
    """Two workers that don't wait for held calls when they are told to stop."""
    fleet.settings |= {"SHUTDOWN_TIMEOUT": "1", "JOB_LEASE_SECONDS": str(LEASE_SECONDS)}
    await fleet.start(servers=0, workers=2)
    return fleet


async def standstill(waiting: "asyncio.Task[str]") -> float:
    """The longest time, in seconds, for which the machine did not let this process run while it waited."""
    longest, pause, before = 0.0, 0.02, time.monotonic()
    while not waiting.done():
        await asyncio.sleep(pause)
        now = time.monotonic()
        longest, before = max(longest, now - before - pause), now
    return longest


async def test_a_killed_workers_job_is_taken_over_within_its_lease_and_two_seconds(
    ledger: Ledger, fleet: Fleet, pool: Pool, bank: Bank, calls: HeldCalls
) -> None:
    """Both moments are Postgres' own: where the last heartbeat put the lease's end, and the next claim. How fast the
    machine is does not come into it, but for the time for which it let nobody run."""
    assessment_id = await submit(pool, bank, answers=bank.answers(essay=ESSAY))
    gpt = await job_id(pool, assessment_id, JobType.GPT)
    await calls.arrived(1)
    await ledger.renewed(gpt)
    holder = fleet.worker(await ledger.holder(gpt))
    assert holder
    assert await holder.end(signal.SIGKILL) == -signal.SIGKILL
    taking = asyncio.create_task(ledger.holder(gpt, claims=2))
    stood_still = await standstill(taking)
    first, second = await ledger.claims(gpt)
    assert first.until <= second.at <= first.until + timedelta(seconds=MARGIN_SECONDS + stood_still)
    await calls.arrived(2)
    calls.answer(1, points=20)
    await completed(pool, assessment_id)
    counts = await pool.fetchrow("SELECT fence, attempts, crashes FROM async_jobs WHERE id = $1", gpt)
    assert counts and tuple(counts) == (2, 1, 1)


async def test_ten_stops_in_a_row_cost_a_job_nothing(
    ledger: Ledger, fleet: Fleet, pool: Pool, bank: Bank, calls: HeldCalls
) -> None:
    assessment_id = await submit(pool, bank, answers=bank.answers(essay=ESSAY))
    gpt = await job_id(pool, assessment_id, JobType.GPT)
    for claims in range(1, STOPS + 1):
        await calls.arrived(claims)
        holder = fleet.worker(await ledger.holder(gpt, claims))
        assert holder
        assert await holder.end(signal.SIGTERM) == 0
    await calls.arrived(STOPS + 1)
    calls.answer(STOPS, points=20)
    await completed(pool, assessment_id)
    counts = await pool.fetchrow("SELECT fence, attempts, crashes, error FROM async_jobs WHERE id = $1", gpt)
    assert counts and tuple(counts) == (STOPS + 1, 1, 0, None)


async def test_an_essay_that_was_scored_before_a_crash_is_not_sent_again(
    ledger: Ledger, fleet: Fleet, pool: Pool, bank: Bank, calls: HeldCalls
) -> None:
    assessment_id = await submit(pool, bank, answers=bank.answers(essay=ESSAY, essay_two=ESSAY_TWO))
    gpt = await job_id(pool, assessment_id, JobType.GPT)
    await calls.arrived(2)
    calls.answer(calls.essays.index(ESSAY), points=10)
    await until(lambda: pool.fetchval("SELECT count(*) = 1 FROM scores WHERE score_type = 'essay_gpt'"), 60)
    holder = fleet.worker(await ledger.holder(gpt))
    assert holder
    assert await holder.end(signal.SIGKILL) == -signal.SIGKILL
    calls.let_go(points=20)
    await completed(pool, assessment_id)
    assert sorted(calls.essays) == [ESSAY_TWO, ESSAY_TWO, ESSAY]
    shares = await pool.fetch("SELECT score / max_score FROM scores WHERE score_type = 'essay_gpt' ORDER BY max_score")
    assert [round(share[0], 6) for share in shares] == [0.4, 0.8]
