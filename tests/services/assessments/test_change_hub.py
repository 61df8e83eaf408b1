"""Clients that wait for changes: their limits, one read for all of them, and no wake-up with a known revision."""

import asyncio
from uuid import UUID

import pytest

from app.clients.redis import job_queue
from app.clients.redis.change_feed import ChangeFeed
from app.domain.errors import AssessmentWaitLimit, CallerWaitLimit, ServerWaitLimit
from app.lifecycle import cancel_and_wait
from app.repositories.sql import Pool
from app.services.assessments.change_hub import ChangeHub, open_change_hub
from app.services.assessments.status import read_status
from app.settings import Settings
from app.wiring.pool import open_pool
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.counting_proxy import Statements, counting_proxy
from tests.job_runner import access_of_student, submit

STUDENT = access_of_student("student-1")
INCREASE_REVISION = "UPDATE assessments SET revision = revision + 1 WHERE id = $1"


def test_waiters_are_limited_for_each_assessment(pool: Pool, change_feed: ChangeFeed) -> None:
    hub = ChangeHub(pool, change_feed, max_waiters_of_assessment=2)
    first, second = UUID(int=1), UUID(int=2)
    with hub.watch(first, "a"):
        with hub.watch(first, "b"), hub.watch(second, "a"):
            for caller in ("a", "b", "c"):
                with pytest.raises(AssessmentWaitLimit), hub.watch(first, caller):
                    raise AssertionError
        with hub.watch(first, "c"):
            assert hub.waiting == 2
    assert hub.waiting == 0 and hub._watched == {}


def test_waiters_are_limited_for_each_caller_and_in_total(pool: Pool, change_feed: ChangeFeed) -> None:
    hub = ChangeHub(pool, change_feed, max_waiters=3, max_waiters_of_caller=2)
    first, second = UUID(int=1), UUID(int=2)
    with hub.watch(first, "a"), hub.watch(second, "a"):
        with pytest.raises(CallerWaitLimit), hub.watch(first, "a"):
            raise AssertionError
        with hub.watch(first, "b"):
            with pytest.raises(ServerWaitLimit), hub.watch(first, "c"):
                raise AssertionError
            assert hub.waiting == 3
        with hub.watch(first, "c"):
            assert hub.waiting == 3
    assert hub.waiting == 0


async def test_a_deadline_ends_one_wait_and_no_other(pool: Pool, change_feed: ChangeFeed) -> None:
    hub, loop = ChangeHub(pool, change_feed), asyncio.get_running_loop()
    with hub.watch(UUID(int=1), "a") as first, hub.watch(UUID(int=1), "b") as second:
        longer = asyncio.create_task(second.wait_for_newer(1, loop.time() + 60))
        deadline = loop.time() + 0.1
        async with asyncio.timeout(20):
            assert await first.wait_for_newer(1, deadline) is None
        assert loop.time() >= deadline and not longer.done()
        hub.stop()
        assert await longer is None


async def test_the_waits_of_a_revoked_caller_end_and_no_others(pool: Pool, change_feed: ChangeFeed) -> None:
    hub, assessment_id = ChangeHub(pool, change_feed), UUID(int=1)
    with hub.watch(assessment_id, "a") as revoked, hub.watch(assessment_id, "b") as other:
        waits = [asyncio.create_task(waiter.wait_for_newer(1, None)) for waiter in (revoked, other)]
        await asyncio.sleep(0)
        hub.end_waits_of("a")
        async with asyncio.timeout(20):
            assert await waits[0] is None
            # Nor does it wait or read again, even if there is something new.
            hub._watched[assessment_id].revision = 2
            assert await revoked.wait_for_newer(1, None) is None
        assert (revoked.ended, other.ended, waits[1].done()) == (True, False, False)
        hub.stop()
        assert await waits[1] is None
    hub.end_waits_of("a")
    assert hub._waiters_of_caller == {}


async def test_a_cancelled_wait_leaves_nothing_behind(pool: Pool, change_feed: ChangeFeed) -> None:
    hub, loop = ChangeHub(pool, change_feed), asyncio.get_running_loop()
    with hub.watch(UUID(int=1), "a") as first, hub.watch(UUID(int=1), "b") as second:
        cancelled = asyncio.create_task(first.wait_for_newer(1, loop.time() + 60))
        waiting = asyncio.create_task(second.wait_for_newer(1, loop.time() + 60))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        assert (len(hub._watched[UUID(int=1)].waits), hub.deadlines.waiting) == (1, 1)
        hub.stop()
        assert await waiting is None
        assert (hub._watched[UUID(int=1)].waits, hub.deadlines.waiting) == ({}, 0)
    assert hub._watched == {}


async def test_a_read_for_one_waiter_wakes_the_others(pool: Pool, bank: Bank, change_feed: ChangeFeed) -> None:
    assessment_id = await submit(pool, bank)
    # Neither the subscription nor the periodic check runs here.
    hub = ChangeHub(pool, change_feed)
    reading = asyncio.create_task(hub.reader.run())
    with hub.watch(assessment_id, "a") as first, hub.watch(assessment_id, "b") as second:
        async with asyncio.timeout(20):
            before = await first.read(STUDENT)
            waiting = asyncio.create_task(first.wait_for_newer(before.revision, None))
            await pool.execute(INCREASE_REVISION, assessment_id)
            after = await second.read(STUDENT)
            woken = await waiting
            # A wait that begins with the old revision now reads at once.
            reread = await first.wait_for_newer(before.revision, None)
    assert woken and reread and {woken.revision, reread.revision} == {after.revision} == {before.revision + 1}
    await cancel_and_wait(reading)


async def test_concurrent_reads_share_few_statements(
    database_url: str, pool: Pool, bank: Bank, change_feed: ChangeFeed
) -> None:
    submitted = [await submit(pool, bank, f"student-{n}") for n in range(5)]
    statements = Statements()
    async with (
        counting_proxy(database_url, statements) as url,
        open_pool(url, "tests", 4, 0.5) as small_pool,
        open_change_hub(small_pool, change_feed) as hub,
    ):

        async def read(number: int) -> UUID:
            with hub.watch(submitted[number % 5], "student") as waiter:
                return (await waiter.read(access_of_student(f"student-{number % 5}"))).record.assessment_id

        assert set(await asyncio.gather(*(read(number) for number in range(1500)))) == set(submitted)
    assert len(status_reads(statements)) < 15


async def test_a_change_is_read_once_for_all_waiters(
    database_url: str, pool: Pool, bank: Bank, change_feed: ChangeFeed
) -> None:
    assessment_id = await submit(pool, bank)
    statements = Statements()
    async with (
        counting_proxy(database_url, statements) as url,
        open_pool(url, "tests", 4) as counted,
        open_change_hub(counted, change_feed) as hub,
    ):
        status = await read_status(pool, assessment_id, STUDENT)

        async def wait() -> int:
            with hub.watch(assessment_id, "student-1") as waiter:
                newer = await waiter.wait_for_newer(status.revision, None)
                assert newer
                return newer.revision

        async def all_wait_and_the_first_check_is_over() -> bool:
            checked = bool(_revision_checks(statements)) and counted.get_idle_size() == counted.get_size()
            return hub.waiting == 200 and checked

        waiters = [asyncio.create_task(wait()) for _ in range(200)]
        await until(all_wait_and_the_first_check_is_over)
        statements.executed.clear()
        await pool.execute(INCREASE_REVISION, assessment_id)
        change_feed.publish(assessment_id)
        assert set(await asyncio.gather(*waiters)) == {status.revision + 1}
    assert len(status_reads(statements)) == 1


async def test_a_check_of_revisions_wakes_nobody_with_a_revision_already_seen(
    database_url: str, pool: Pool, bank: Bank, change_feed: ChangeFeed
) -> None:
    assessment_id = await submit(pool, bank)
    statements = Statements()
    seen = (await read_status(pool, assessment_id, STUDENT)).revision
    async with counting_proxy(database_url, statements) as url, open_pool(url, "tests", 4) as counted:
        hub = ChangeHub(counted, change_feed)

        async def checked() -> bool:
            return bool(_revision_checks(statements)) and counted.get_idle_size() == counted.get_size()

        with hub.watch(assessment_id, "student-1") as waiter:
            waiting = asyncio.create_task(waiter.wait_for_newer(seen, None))
            await asyncio.sleep(0)
            # The subscription begins with a check, here of a client that waits already.
            tasks = [asyncio.create_task(run()) for run in (hub.run_subscription, hub.reader.run)]
            await until(checked)
            await pool.execute(INCREASE_REVISION, assessment_id)
            change_feed.publish(assessment_id)
            newer = await waiting
        await cancel_and_wait(*tasks)
    assert newer and newer.revision == seen + 1


async def test_a_read_wakes_only_waiters_that_have_seen_an_older_revision(
    pool: Pool, bank: Bank, change_feed: ChangeFeed
) -> None:
    assessment_id = await submit(pool, bank)
    hub = ChangeHub(pool, change_feed)
    reading = asyncio.create_task(hub.reader.run())
    with hub.watch(assessment_id, "a") as behind, hub.watch(assessment_id, "b") as ahead:
        old = await read_status(pool, assessment_id, STUDENT)
        outdated = asyncio.create_task(behind.wait_for_newer(old.revision, None))
        await asyncio.sleep(0)
        await pool.execute(INCREASE_REVISION, assessment_id)
        current = await read_status(pool, assessment_id, STUDENT)
        # Nothing was published. What wakes the first waiter is that the second one has seen a newer revision.
        waiting = asyncio.create_task(ahead.wait_for_newer(current.revision, asyncio.get_running_loop().time() + 60))
        async with asyncio.timeout(20):
            woken = await outdated
        assert woken and woken.revision == current.revision
        assert not waiting.done()
        hub.stop()
        assert await waiting is None
    await cancel_and_wait(reading)


async def test_malformed_messages_are_ignored(
    pool: Pool, bank: Bank, change_feed: ChangeFeed, settings: Settings
) -> None:
    assessment_id = await submit(pool, bank)
    async with open_change_hub(pool, change_feed) as hub:
        with hub.watch(assessment_id, "student-1") as waiter:
            status = await waiter.read(STUDENT)
            waiting = asyncio.create_task(waiter.wait_for_newer(status.revision, None))
            redis = job_queue.connect(settings.secret("redis_url"))
            for message in (b"", b"x", b"\xff" * 16, b"\x00" * 1000):
                await redis.publish("assay:changed", message)
            await pool.execute(INCREASE_REVISION, assessment_id)
            change_feed.publish(assessment_id)
            newer = await waiting
            await redis.aclose()
    assert newer and newer.revision == status.revision + 1


def status_reads(statements: Statements) -> list[str]:
    """The statements that read statuses."""
    return [text for text in statements.executed if "rule_scores" in text]


def _revision_checks(statements: Statements) -> list[str]:
    """The statements that read the revisions of all watched assessments."""
    return [text for text in statements.executed if "SELECT id, CASE WHEN status" in text]
