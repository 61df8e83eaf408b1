"""When a worker crashes or is stopped, another one takes its jobs over: soon, without losing an attempt if it was
stopped, and without paying for a scored essay again."""

import asyncio
import signal
import time
from datetime import timedelta

import pytest

from app.domain.states import JobType
from app.repositories.sql import Pool
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.held_model_calls import HeldModelCalls
from tests.faults.ledger import Ledger
from tests.faults.processes import Fleet
from tests.faults.students import wait_until_completed
from tests.job_runner import job_id, submit

# Longer than in the other tests, so that it does not expire when heartbeats are late.
LEASE_SECONDS = 3
# How long it may take to notice that a lease has expired.
MARGIN_SECONDS = 2
STOPS = 10
ESSAY, ESSAY_TWO = "Water rises in the xylem.", "Roots take water in from the soil."


@pytest.fixture
async def fleet(fleet: Fleet) -> Fleet:
    """Two workers that do not wait long for model calls when they are stopped."""
    fleet.settings |= {"SHUTDOWN_TIMEOUT": "1", "JOB_LEASE_SECONDS": str(LEASE_SECONDS)}
    await fleet.start(servers=0, workers=2)
    return fleet


async def longest_pause(waiting: "asyncio.Task[str]") -> float:
    """The longest time (s) that this process did not get to run, on a busy machine, until the task was done."""
    longest, interval, before = 0.0, 0.02, time.monotonic()
    while not waiting.done():
        await asyncio.sleep(interval)
        now = time.monotonic()
        longest, before = max(longest, now - before - interval), now
    return longest


async def test_a_killed_workers_job_is_taken_over_within_its_lease_and_two_seconds(
    ledger: Ledger, fleet: Fleet, pool: Pool, bank: Bank, calls: HeldModelCalls
) -> None:
    """Both times are by Postgres' clock: the end of the lease as of the last heartbeat, and the next claim. A slow
    machine matters only while it lets no process run, which is allowed for."""
    assessment_id = await submit(pool, bank, answers=bank.answers(essay=ESSAY))
    gpt = await job_id(pool, assessment_id, JobType.GPT)
    await calls.wait_for_calls(1)
    await ledger.wait_for_heartbeat(gpt)
    holder = fleet.find_worker(await ledger.wait_for_holder(gpt))
    assert holder
    assert await holder.end(signal.SIGKILL) == -signal.SIGKILL
    next_holder = asyncio.create_task(ledger.wait_for_holder(gpt, claims=2))
    paused = await longest_pause(next_holder)
    first, second = await ledger.claims(gpt)
    assert first.lease_end <= second.at <= first.lease_end + timedelta(seconds=MARGIN_SECONDS + paused)
    await calls.wait_for_calls(2)
    calls.answer(1, points=20)
    await wait_until_completed(pool, assessment_id)
    counts = await pool.fetchrow("SELECT fence, attempts, crashes FROM async_jobs WHERE id = $1", gpt)
    assert counts and tuple(counts) == (2, 1, 1)


async def test_stopping_its_worker_ten_times_costs_a_job_no_attempt(
    ledger: Ledger, fleet: Fleet, pool: Pool, bank: Bank, calls: HeldModelCalls
) -> None:
    assessment_id = await submit(pool, bank, answers=bank.answers(essay=ESSAY))
    gpt = await job_id(pool, assessment_id, JobType.GPT)
    for claims in range(1, STOPS + 1):
        await calls.wait_for_calls(claims)
        holder = fleet.find_worker(await ledger.wait_for_holder(gpt, claims))
        assert holder
        assert await holder.end(signal.SIGTERM) == 0
    await calls.wait_for_calls(STOPS + 1)
    calls.answer(STOPS, points=20)
    await wait_until_completed(pool, assessment_id)
    counts = await pool.fetchrow("SELECT fence, attempts, crashes, error FROM async_jobs WHERE id = $1", gpt)
    assert counts and tuple(counts) == (STOPS + 1, 1, 0, None)


async def test_an_essay_scored_before_a_crash_is_not_sent_to_the_model_again(
    ledger: Ledger, fleet: Fleet, pool: Pool, bank: Bank, calls: HeldModelCalls
) -> None:
    assessment_id = await submit(pool, bank, answers=bank.answers(essay=ESSAY, essay_two=ESSAY_TWO))
    gpt = await job_id(pool, assessment_id, JobType.GPT)
    await calls.wait_for_calls(2)
    calls.answer(calls.essays.index(ESSAY), points=10)
    await until(lambda: pool.fetchval("SELECT count(*) = 1 FROM scores WHERE score_type = 'essay_gpt'"), 60)
    holder = fleet.find_worker(await ledger.wait_for_holder(gpt))
    assert holder
    assert await holder.end(signal.SIGKILL) == -signal.SIGKILL
    calls.release_all(points=20)
    await wait_until_completed(pool, assessment_id)
    assert sorted(calls.essays) == [ESSAY_TWO, ESSAY_TWO, ESSAY]
    shares = await pool.fetch("SELECT score / max_score FROM scores WHERE score_type = 'essay_gpt' ORDER BY max_score")
    assert [round(share[0], 6) for share in shares] == [0.4, 0.8]
