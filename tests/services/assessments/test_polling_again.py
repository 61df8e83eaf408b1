"""What a process remembers of an assessment that its owner waited for until a moment ago."""

import asyncio
from uuid import UUID

import pytest

from app.clients.redis.change_feed import ChangeFeed
from app.domain.errors import Forbidden
from app.repositories.sql import Pool
from app.services.assessments import change_hub
from app.services.assessments.change_hub import ChangeHub, open_change_hub
from app.services.caller import Access
from app.wiring.pool import open_pool
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.counting_proxy import Statements, counting_proxy
from tests.job_runner import access_of_student, submit
from tests.services.assessments.test_change_hub import INCREASE_REVISION, STUDENT, status_reads


async def wait_in_vain(hub: ChangeHub, assessment_id: UUID) -> int:
    """The revision at which the student has waited until the deadline."""
    with hub.watch(assessment_id, "student-1") as waiter:
        revision = (await waiter.read(STUDENT)).revision
        assert await waiter.wait_for_newer(revision, asyncio.get_running_loop().time()) is None
    return revision


def known(hub: ChangeHub, assessment_id: UUID, access: Access) -> int | None:
    """The revision that need not be read."""
    with hub.watch(assessment_id, access.caller.principal) as waiter:
        return waiter.known_revision(access)


async def test_who_polls_again_at_once_waits_without_a_read(
    database_url: str, pool: Pool, bank: Bank, change_feed: ChangeFeed
) -> None:
    assessment_id = await submit(pool, bank)
    statements = Statements()
    async with (
        counting_proxy(database_url, statements) as url,
        open_pool(url, "tests", 4) as counted,
        open_change_hub(counted, change_feed) as hub,
    ):
        revision = await wait_in_vain(hub, assessment_id)
        statements.executed.clear()
        mine, theirs = access_of_student("student-1"), access_of_student("student-2")
        assert (known(hub, assessment_id, theirs), theirs.owner_checked) == (None, False)
        assert (known(hub, assessment_id, mine), mine.owner_checked) == (revision, True)
        assert not status_reads(statements)
        # What changes meanwhile is noticed, although nobody waits.
        await pool.execute(INCREASE_REVISION, assessment_id)
        change_feed.publish(assessment_id)

        async def is_newer() -> bool:
            return known(hub, assessment_id, STUDENT) == revision + 1

        await until(is_newer)
        await pool.execute("UPDATE assessments SET status = 'completed', completed_at = now(), revision = revision + 1")
        change_feed.publish(assessment_id)

        async def is_final() -> bool:
            return known(hub, assessment_id, STUDENT) is None

        await until(is_final)


async def test_what_nobody_has_waited_for_is_forgotten(
    pool: Pool, bank: Bank, change_feed: ChangeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = [await submit(pool, bank, f"student-{number}") for number in (1, 2)]
    async with open_change_hub(pool, change_feed) as hub:
        revision = await wait_in_vain(hub, first)
        assert known(hub, first, STUDENT) == revision
        monkeypatch.setattr(change_hub, "_REMEMBER_SECONDS", 0.0)
        known(hub, first, STUDENT)
        assert (known(hub, first, STUDENT), hub._watched, hub._left) == (None, {}, {})
        with hub.watch(second, "student-1") as waiter, pytest.raises(Forbidden):
            await waiter.read(STUDENT)
        assert hub._watched == {}


async def test_what_was_erased_is_read_again(pool: Pool, bank: Bank, change_feed: ChangeFeed) -> None:
    assessment_id = await submit(pool, bank)
    async with open_change_hub(pool, change_feed) as hub:
        await wait_in_vain(hub, assessment_id)
        await pool.execute("TRUNCATE assessments CASCADE")
        await hub._check_revisions([assessment_id])

        async def is_unknown() -> bool:
            return known(hub, assessment_id, STUDENT) is None

        await until(is_unknown)
