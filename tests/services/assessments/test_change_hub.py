"""The bounds of waiting, and one read for all."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from app.clients.redis import job_queue
from app.clients.redis.change_feed import ChangeFeed
from app.domain.errors import TooManyWaiting, TooManyWaits
from app.repositories.sql import Pool
from app.services.assessments.change_hub import ChangeHub, open_change_hub
from app.services.assessments.status import read_status
from app.settings import Settings
from app.wiring.pool import open_pool
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.counting_proxy import Statements, counting
from tests.pipelines import access_of_student, submit

STUDENT = access_of_student("student-1")
BUMP = "UPDATE assessments SET revision = revision + 1 WHERE id = $1"


@pytest.fixture
async def changes(redis_url: str) -> AsyncIterator[ChangeFeed]:
    """One process' end of the channel."""
    redis = job_queue.connect(redis_url)
    ours = ChangeFeed(redis)
    telling = asyncio.create_task(ours.run_publisher())
    yield ours
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    await redis.aclose()


def test_waiters_are_bounded_for_each_caller_and_in_all(pool: Pool, changes: ChangeFeed) -> None:
    hub = ChangeHub(pool, changes, most=3, most_of_one_caller=2)
    first, second = UUID(int=1), UUID(int=2)
    with hub.watch(first, "a"), hub.watch(second, "a"):
        with pytest.raises(TooManyWaits), hub.watch(first, "a"):
            raise AssertionError
        with hub.watch(first, "b"):
            with pytest.raises(TooManyWaiting), hub.watch(first, "c"):
                raise AssertionError
            assert hub.waiting == 3
        with hub.watch(first, "c"):
            assert hub.waiting == 3
    assert hub.waiting == 0


async def test_a_deadline_ends_one_wait_and_no_other(pool: Pool, changes: ChangeFeed) -> None:
    hub, loop = ChangeHub(pool, changes), asyncio.get_running_loop()
    with hub.watch(UUID(int=1), "a") as first, hub.watch(UUID(int=1), "b") as second:
        patient = asyncio.create_task(second.wait_for_newer(1, loop.time() + 60))
        deadline = loop.time() + 0.1
        async with asyncio.timeout(20):
            assert await first.wait_for_newer(1, deadline) is None
        assert loop.time() >= deadline and not patient.done()
        hub.stop()
        assert await patient is None


async def test_a_wait_that_ends_early_leaves_nothing_behind(pool: Pool, changes: ChangeFeed) -> None:
    hub, loop = ChangeHub(pool, changes), asyncio.get_running_loop()
    with hub.watch(UUID(int=1), "a") as gone, hub.watch(UUID(int=1), "b") as told:
        leaving = asyncio.create_task(gone.wait_for_newer(1, loop.time() + 60))
        waiting = asyncio.create_task(told.wait_for_newer(1, loop.time() + 60))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        assert (len(hub._followed[UUID(int=1)].changes), hub.deadlines.waiting) == (1, 1)
        hub.stop()
        assert await waiting is None
        assert (hub._followed[UUID(int=1)].changes, hub.deadlines.waiting) == ({}, 0)
    assert hub._followed == {}


async def test_what_one_has_read_is_told_to_the_others(pool: Pool, bank: Bank, changes: ChangeFeed) -> None:
    assessment_id = await submit(pool, bank)
    # Nothing is heard or looked for here.
    hub = ChangeHub(pool, changes)
    reading = asyncio.create_task(hub.read())
    with hub.watch(assessment_id, "a") as first, hub.watch(assessment_id, "b") as second:
        async with asyncio.timeout(20):
            before = await first.read(STUDENT)
            newer = asyncio.create_task(first.wait_for_newer(before.revision, None))
            await pool.execute(BUMP, assessment_id)
            after = await second.read(STUDENT)
            told = await newer
            # And who comes with what was true before reads again.
            again = await first.wait_for_newer(before.revision, None)
    assert told and again and {told.revision, again.revision} == {after.revision} == {before.revision + 1}
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


async def test_who_asks_at_once_is_answered_by_few_reads(
    database_url: str, pool: Pool, bank: Bank, changes: ChangeFeed
) -> None:
    submitted = [await submit(pool, bank, f"student-{n}") for n in range(5)]
    statements = Statements()
    async with (
        counting(database_url, statements) as url,
        open_pool(url, "tests", 4, 0.5) as narrow,
        open_change_hub(narrow, changes) as hub,
    ):

        async def read(number: int) -> UUID:
            with hub.watch(submitted[number % 5], "student") as follower:
                access = access_of_student(f"student-{number % 5}")
                return (await follower.read(access)).view.assessment_id

        assert set(await asyncio.gather(*(read(number) for number in range(1500)))) == set(submitted)
    assert len([text for text in statements.executed if "rule_scores" in text]) < 15


async def test_a_change_is_read_once_for_all_who_wait(
    database_url: str, pool: Pool, bank: Bank, changes: ChangeFeed
) -> None:
    assessment_id = await submit(pool, bank)
    statements = Statements()
    async with (
        counting(database_url, statements) as url,
        open_pool(url, "tests", 4) as counted,
        open_change_hub(counted, changes) as hub,
    ):
        status = await read_status(pool, assessment_id, STUDENT)

        async def wait() -> int:
            with hub.watch(assessment_id, "student-1") as follower:
                newer = await follower.wait_for_newer(status.revision, None)
                assert newer
                return newer.revision

        async def all_wait_and_the_first_look_is_over() -> bool:
            looked = bool(_looks(statements)) and counted.get_idle_size() == counted.get_size()
            return hub.waiting == 200 and looked

        waiters = [asyncio.create_task(wait()) for _ in range(200)]
        await until(all_wait_and_the_first_look_is_over)
        statements.executed.clear()
        await pool.execute(BUMP, assessment_id)
        changes.publish(assessment_id)
        assert set(await asyncio.gather(*waiters)) == {status.revision + 1}
    assert len([text for text in statements.executed if "rule_scores" in text]) == 1


async def test_a_look_wakes_nobody_with_the_revision_they_have_seen(
    database_url: str, pool: Pool, bank: Bank, changes: ChangeFeed
) -> None:
    assessment_id = await submit(pool, bank)
    statements = Statements()
    seen = (await read_status(pool, assessment_id, STUDENT)).revision
    async with counting(database_url, statements) as url, open_pool(url, "tests", 4) as counted:
        hub = ChangeHub(counted, changes)

        async def looked() -> bool:
            return bool(_looks(statements)) and counted.get_idle_size() == counted.get_size()

        with hub.watch(assessment_id, "student-1") as follower:
            waiting = asyncio.create_task(follower.wait_for_newer(seen, None))
            await asyncio.sleep(0)
            # The subscription begins with a look, here at somebody who waits already.
            tasks = [asyncio.create_task(work()) for work in (hub.hear, hub.read)]
            await until(looked)
            await pool.execute(BUMP, assessment_id)
            changes.publish(assessment_id)
            newer = await waiting
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert newer and newer.revision == seen + 1


async def test_a_read_wakes_those_alone_who_have_seen_less(pool: Pool, bank: Bank, changes: ChangeFeed) -> None:
    assessment_id = await submit(pool, bank)
    hub = ChangeHub(pool, changes)
    reading = asyncio.create_task(hub.read())
    with hub.watch(assessment_id, "a") as behind, hub.watch(assessment_id, "b") as ahead:
        old = await read_status(pool, assessment_id, STUDENT)
        outdated = asyncio.create_task(behind.wait_for_newer(old.revision, None))
        await asyncio.sleep(0)
        await pool.execute(BUMP, assessment_id)
        current = await read_status(pool, assessment_id, STUDENT)
        # Nothing was announced: that somebody has seen more is what the other one learns it from.
        waiting = asyncio.create_task(ahead.wait_for_newer(current.revision, asyncio.get_running_loop().time() + 60))
        async with asyncio.timeout(20):
            woken = await outdated
        assert woken and woken.revision == current.revision
        assert not waiting.done()
        hub.stop()
        assert await waiting is None
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


def _looks(statements: Statements) -> list[str]:
    """The statements that read the revisions of all that is waited for."""
    return [text for text in statements.executed if "SELECT id, CASE WHEN status" in text]


async def test_a_message_that_is_none_of_ours_is_nothing(
    pool: Pool, bank: Bank, changes: ChangeFeed, settings: Settings
) -> None:
    assessment_id = await submit(pool, bank)
    async with open_change_hub(pool, changes) as hub:
        with hub.watch(assessment_id, "student-1") as follower:
            status = await follower.read(STUDENT)
            newer = asyncio.create_task(follower.wait_for_newer(status.revision, None))
            redis = job_queue.connect(settings.secret("redis_url"))
            for message in (b"", b"x", b"\xff" * 16, b"\x00" * 1000):
                await redis.publish("assay:changed", message)
            await pool.execute(BUMP, assessment_id)
            changes.publish(assessment_id)
            found = await newer
            await redis.aclose()
    assert found and found.revision == status.revision + 1
