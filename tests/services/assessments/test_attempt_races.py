"""Of starts at the same moment, no more succeed than the track permits."""

import asyncio
from uuid import uuid4

import pytest

from app.repositories import assessments, tracks
from app.repositories.sql import Pool
from tests.bank import SLUG, Bank
from tests.fakes.conditions import until
from tests.fakes.unguarded_statements import without_guard

NUMBERED = "SELECT $1, $2, $3, former.number + 1,"
UNNUMBERED = "SELECT $1, $2, $3, NULL,"


@pytest.mark.parametrize(("guarded", "starts"), [(True, 1), (False, 2)])
async def test_a_start_that_has_counted_too_early_makes_no_second_attempt(
    pool: Pool, bank: Bank, guarded: bool, starts: int
) -> None:
    """The first start is not committed when the second counts the attempts, and has ended when it inserts: without the
    number, nothing holds the second back."""
    await pool.execute("UPDATE tracks SET attempts = 1")
    track = await tracks.find(pool, SLUG)
    assert track
    questions = [(bank.ids["right"], 1)]
    second = pool if guarded else without_guard(pool, NUMBERED, UNNUMBERED)
    async with pool.acquire() as conn, conn.transaction():
        assert await assessments.start(conn, uuid4(), "student-1", track.id, 60, questions)
        task = asyncio.create_task(
            assessments.start(second, uuid4(), "student-1", track.id, 60, questions)  # type: ignore[arg-type]
        )
        await until(lambda: pool.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))
        await conn.execute("UPDATE assessments SET status = 'expired', completed_at = now()")
    await task
    assert await pool.fetchval("SELECT count(*) FROM assessments") == starts
