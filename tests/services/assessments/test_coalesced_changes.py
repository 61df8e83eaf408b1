"""Many clients that wait for one assessment are woken rarely, with all changes since the last time as one."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app.clients.redis import job_queue
from app.clients.redis.change_feed import ChangeFeed
from app.domain.states import AssessmentStatus
from app.lifecycle import cancel_and_wait
from app.repositories import assessments
from app.repositories.sql import Pool
from app.services.assessments.change_hub import ChangeHub
from app.services.assessments.status import Status
from app.services.assessments.status_reader import PendingWait, WatchedAssessment
from app.settings import Settings
from tests.bank import Bank
from tests.job_runner import submit
from tests.services.assessments.test_change_hub import INCREASE_REVISION

CLIENTS = 200
CHANGES = 40
# Seconds between two changes that wake this many clients, and the longest of all waits here.
PAUSE = CLIENTS * 0.001
LONG = 60.0


@pytest.fixture
async def hub(pool: Pool, settings: Settings) -> AsyncIterator[ChangeHub]:
    """A hub that reads what the test schedules."""
    redis = job_queue.connect(settings.secret("redis_url"))
    hub = ChangeHub(pool, ChangeFeed(redis))
    reading = asyncio.create_task(hub.reader.run())
    yield hub
    await cancel_and_wait(reading)
    await redis.aclose()


async def test_many_clients_get_quick_changes_together_and_always_the_last(
    hub: ChangeHub, pool: Pool, bank: Bank
) -> None:
    assessment_id, loop = await submit(pool, bank), asyncio.get_running_loop()
    record = await assessments.read_status(pool, assessment_id)
    assert record
    last = record.revision + CHANGES

    async def follow(revision: int) -> int:
        """How many statuses the client gets until the last one."""
        with hub.watch(assessment_id, "student-1") as waiter:
            woken = 0
            while revision < last:
                newer = await waiter.wait_for_newer(revision, None)
                assert newer and newer.revision > revision
                revision, woken = newer.revision, woken + 1
            return woken

    clients = [asyncio.create_task(follow(record.revision)) for _ in range(CLIENTS)]
    await asyncio.sleep(0)
    started = loop.time()
    for _ in range(CHANGES):
        await pool.execute(INCREASE_REVISION, assessment_id)
        # Reading it wakes the clients, if it is not too early.
        await hub.reader.read(assessment_id)
    async with asyncio.timeout(LONG):
        woken = await asyncio.gather(*clients)
    assert max(woken) <= 2 + (loop.time() - started) / PAUSE


async def test_a_client_that_comes_during_the_pause_waits_for_its_end(hub: ChangeHub, pool: Pool, bank: Bank) -> None:
    assessment_id, loop = await submit(pool, bank), asyncio.get_running_loop()
    record = await assessments.read_status(pool, assessment_id)
    assert record
    with hub.watch(assessment_id, "student-1") as waiter:
        watched = hub._watched[assessment_id]
        watched.quiet_until = loop.time() + 3600
        for _ in range(2):
            await pool.execute(INCREASE_REVISION, assessment_id)
            await hub.reader.read(assessment_id)
        waiting = asyncio.create_task(waiter.wait_for_newer(record.revision + 1, None))
        await asyncio.sleep(0)
        await hub.reader.read(assessment_id)
        assert watched.wake_is_due and not waiting.done()
        watched.quiet_until = 0
        await hub.reader.read(assessment_id)
        async with asyncio.timeout(LONG):
            newer = await waiting
    assert newer and newer.revision == record.revision + 2


async def test_the_end_of_an_assessment_is_told_at_once(pool: Pool, bank: Bank) -> None:
    record = await assessments.read_status(pool, await submit(pool, bank))
    assert record
    watched = WatchedAssessment()

    def wait(revision: int) -> PendingWait:
        waiting: PendingWait = asyncio.get_running_loop().create_future()
        watched.waits[waiting] = revision
        return waiting

    first = [wait(record.revision - 1) for _ in range(CLIENTS)]
    assert watched.wake(Status(record), 10.0) and all(waiting.done() for waiting in first)
    second = wait(record.revision)
    newer = replace(record, revision=record.revision + 1)
    assert not watched.wake(Status(newer), 10.0 + PAUSE / 2) and not second.done()
    assert watched.wake(Status(replace(newer, status=AssessmentStatus.COMPLETED)), 10.0 + PAUSE / 2) and second.done()


async def test_a_single_client_is_hardly_kept_waiting(pool: Pool, bank: Bank) -> None:
    record = await assessments.read_status(pool, await submit(pool, bank))
    assert record
    watched = WatchedAssessment()
    for number in range(1, 10):
        waiting: PendingWait = asyncio.get_running_loop().create_future()
        watched.waits[waiting] = record.revision
        record = replace(record, revision=record.revision + 1)
        assert watched.wake(Status(record), number * 0.01)
