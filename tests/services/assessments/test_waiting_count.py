"""Submissions that wait are counted once a second, and by each submission near the limit."""

import pytest

from app.domain.errors import QueueFull
from app.repositories.sql import Pool
from app.services.assessments import waiting_count
from app.services.assessments.submit import SubmissionLimits, Submitter
from app.services.assessments.waiting_count import WaitingCount
from tests.job_runner import NO_KEY, NO_ORIGIN, access_of_student
from tests.services.assessments.test_owner_bounds import OWNER, create_tracks, start_all


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_they_are_counted_once_a_second_and_always_near_the_limit() -> None:
    clock = _Clock()
    count = WaitingCount(10_000, clock)
    assert count.is_due()
    count.keep(7_999)
    assert not count.is_due()
    clock.now += 0.99
    assert not count.is_due()
    clock.now += 0.01
    assert count.is_due()
    count.keep(8_000)
    assert count.is_due()


async def submit_next(submitter: Submitter, pool: Pool) -> None:
    access = access_of_student(OWNER)
    next_id = await pool.fetchval("SELECT id FROM assessments WHERE status = 'in_progress' ORDER BY created_at LIMIT 1")
    draft = await submitter.read_draft(next_id, access, NO_KEY)
    await submitter.submit(draft, access, NO_KEY, [], NO_ORIGIN)


async def test_between_two_counts_the_limit_can_be_exceeded(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    await start_all(pool, await create_tracks(pool, 4))
    clock = _Clock()
    monkeypatch.setattr(waiting_count, "_NEAR", 0)
    monkeypatch.setattr(waiting_count.WaitingCount.__init__, "__defaults__", (clock,))
    submitter = Submitter(pool, SubmissionLimits(1, 5, 4))
    await submit_next(submitter, pool)
    await submit_next(submitter, pool)
    clock.now += 1
    with pytest.raises(QueueFull):
        await submit_next(submitter, pool)
    # Near the limit nothing is kept.
    with pytest.raises(QueueFull):
        await submit_next(submitter, pool)
    assert await pool.fetchval("SELECT count(*) FROM assessments WHERE status = 'submitted'") == 2
