"""Statuses that a process keeps: used again while their revision is the present one, and only then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from app.domain.states import ScoreType
from app.lifecycle import cancel_and_wait
from app.repositories.sql import Pool
from app.services.assessments.status import Status
from app.services.assessments.status_reader import StatusReader
from app.settings import Settings
from app.wiring.pool import open_pool
from tests.bank import SLUG, Bank
from tests.fakes.held_postgres_response import hold_postgres_response
from tests.job_runner import access_of_student, submit
from tests.services.assessments.test_change_hub import INCREASE_REVISION

OWNER = access_of_student("student-1")


@asynccontextmanager
async def running_reader(pool: Pool, max_kept: int = 500) -> AsyncIterator[StatusReader]:
    """A reader whose task runs while the block runs."""
    reader = StatusReader(pool, {}, max_kept)
    task = asyncio.create_task(reader.run())
    try:
        yield reader
    finally:
        await cancel_and_wait(task)


async def read(reader: StatusReader, assessment_id: UUID) -> Status:
    """The status; there is one."""
    status = await reader.read(assessment_id)
    assert status
    return status


async def test_an_unchanged_status_is_read_and_rendered_once(pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    async with running_reader(pool) as reader:
        first = await read(reader, assessment_id)
        assert await read(reader, assessment_id) is first
        await pool.execute(INCREASE_REVISION, assessment_id)
        second = await read(reader, assessment_id)
        assert (second.revision, len(second.record.jobs)) == (first.revision + 1, 3)
        assert second.record.rule_scores[ScoreType.THEORETICAL]


async def test_what_the_track_discloses_changes_a_kept_status(pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    async with running_reader(pool) as reader:
        shown = (await read(reader, assessment_id)).rendered(OWNER).body
        await pool.execute("UPDATE tracks SET show_correct = 'never' WHERE slug = $1", SLUG)
        withheld = (await read(reader, assessment_id)).rendered(OWNER).body
        assert '"correct":true' in shown and '"correct":true' not in withheld


async def test_the_status_of_an_erased_assessment_is_not_answered(pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    async with running_reader(pool) as reader:
        await read(reader, assessment_id)
        await pool.execute("TRUNCATE assessments CASCADE")
        assert await reader.read(assessment_id) is None


async def test_a_read_that_is_late_holds_up_no_other_and_replaces_nothing_newer(
    settings: Settings, pool: Pool, bank: Bank
) -> None:
    assessment_id = await submit(pool, bank)
    async with (
        hold_postgres_response(settings.secret("database_url"), b"AS rule_scores") as (url, held),
        open_pool(url, "tests", 4) as slow,
        running_reader(slow) as reader,
    ):
        await read(reader, assessment_id)
        await held.passed.wait()
        late = asyncio.create_task(read(reader, assessment_id))
        await held.answered.wait()
        await pool.execute(INCREASE_REVISION, assessment_id)
        newer = await read(reader, assessment_id)
        assert not late.done()
        held.release()
        assert (await late).revision == newer.revision - 1
        assert await read(reader, assessment_id) is newer


async def test_the_number_of_kept_statuses_is_bounded(pool: Pool, bank: Bank) -> None:
    ids = [await submit(pool, bank, owner=f"student-{number}") for number in range(3)]
    async with running_reader(pool, max_kept=2) as reader:
        first = await read(reader, ids[0])
        for assessment_id in (ids[1], ids[0], ids[2]):
            await read(reader, assessment_id)
        # The second one was read least recently.
        assert list(reader._kept) == [ids[0], ids[2]] and reader._kept[ids[0]] is first
