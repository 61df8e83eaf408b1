"""An answer saved while the assessment is being submitted is either scored or refused, never locked unscored."""

import asyncio
from uuid import UUID

import pytest

from app.domain.assessment.answers import Response
from app.domain.errors import AlreadySubmitted
from app.repositories import assessments
from app.repositories.sql import Executor, Pool
from app.services.assessments import responses, start
from app.services.assessments.lookup import find_assessment
from app.services.assessments.submit import SubmissionLimits, Submitter
from app.services.caller import Access
from tests.bank import SLUG, Bank
from tests.fakes.conditions import until
from tests.fakes.unguarded_statements import without_guard
from tests.job_runner import NO_KEY, NO_ORIGIN, access_of_student

GUARD = "AND a.responses_version = $2"
NO_GUARD = "AND $2::bigint IS NOT NULL"
PAIRS = 60


def new_submitter(db: Executor) -> Submitter:
    return Submitter(db, SubmissionLimits(10_000, 10_000, 4))  # type: ignore[arg-type]


async def start_assessment(pool: Pool, owner: str) -> tuple[UUID, Access]:
    async with pool.acquire() as conn:
        assessment, _ = await start.start(conn, owner, SLUG, 3600, 10_000)
    return assessment.id, access_of_student(owner)


async def count_unscored(pool: Pool) -> int:
    """The number of saved answers in submitted assessments that were scored as missing."""
    count: int = await pool.fetchval(
        """SELECT count(*) FROM responses r JOIN assessments a ON a.id = r.assessment_id
           JOIN scores s USING (assessment_id, question_id)
           WHERE a.status = 'submitted' AND s.missing"""
    )
    return count


async def save(pool: Pool, assessment_id: UUID, bank: Bank) -> bool:
    """Saves a correct answer to the question `right`; whether it was accepted."""
    assessment = await find_assessment(pool, assessment_id)
    try:
        await responses.save(pool, assessment, [(bank.ids["right"], "B")])
    except AlreadySubmitted:
        return False
    return True


async def submit_after_a_save(pool: Pool, bank: Bank, db: Executor, owner: str) -> UUID:
    assessment_id, access = await start_assessment(pool, owner)
    submitter = new_submitter(pool)
    draft = await submitter.read_draft(assessment_id, access, NO_KEY)
    assert await save(pool, assessment_id, bank)
    await new_submitter(db).submit(draft, access, NO_KEY, (), NO_ORIGIN)
    return assessment_id


async def test_an_answer_saved_after_the_submission_has_read_is_scored(pool: Pool, bank: Bank) -> None:
    assessment_id = await submit_after_a_save(pool, bank, pool, "careful")
    right = "SELECT score FROM scores WHERE assessment_id = $1 AND question_id = $2"
    assert await pool.fetchval(right, assessment_id, bank.ids["right"]) == 1.0
    assert await count_unscored(pool) == 0


async def test_without_the_version_check_the_answer_is_locked_unscored(pool: Pool, bank: Bank) -> None:
    await submit_after_a_save(pool, bank, without_guard(pool, GUARD, NO_GUARD), "careless")
    assert await count_unscored(pool) == 1


async def test_a_submission_waits_for_a_save_that_is_not_committed(pool: Pool, bank: Bank) -> None:
    """The save has locked the assessment's row when the submission reads."""
    assessment_id, access = await start_assessment(pool, "waits")
    submitter = new_submitter(pool)
    async with pool.acquire() as conn, conn.transaction():
        assert await assessments.save_responses(conn, assessment_id, [Response(bank.ids["right"], "B")])
        draft = await submitter.read_draft(assessment_id, access, NO_KEY)
        assert draft.assessment.answers == {}
        task = asyncio.create_task(submitter.submit(draft, access, NO_KEY, (), NO_ORIGIN))
        await until(lambda: pool.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))
    await task
    assert await count_unscored(pool) == 0
    assert await pool.fetchval("SELECT score FROM scores WHERE question_id = $1", bank.ids["right"]) == 1.0


async def test_a_save_that_waits_for_a_submission_is_refused(pool: Pool, bank: Bank) -> None:
    assessment_id, access = await start_assessment(pool, "late")
    assessment = await find_assessment(pool, assessment_id)
    async with pool.acquire() as conn, conn.transaction():
        draft = await new_submitter(conn).read_draft(assessment_id, access, NO_KEY)
        await new_submitter(conn).submit(draft, access, NO_KEY, (), NO_ORIGIN)
        task = asyncio.create_task(responses.save(pool, assessment, [(bank.ids["right"], "B")]))
        await until(lambda: pool.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))
    with pytest.raises(AlreadySubmitted):
        await task
    assert await pool.fetchval("SELECT count(*) FROM responses") == 0


async def test_many_concurrent_saves_and_submissions_lose_no_answer(pool: Pool, bank: Bank) -> None:
    async def pair(number: int) -> None:
        assessment_id, access = await start_assessment(pool, f"student-{number}")
        draft = await new_submitter(pool).read_draft(assessment_id, access, NO_KEY)
        saved, _ = await asyncio.gather(
            save(pool, assessment_id, bank),
            new_submitter(pool).submit(draft, access, NO_KEY, (), NO_ORIGIN),
        )
        kept = await pool.fetchval("SELECT count(*) FROM responses WHERE assessment_id = $1", assessment_id)
        assert kept == saved

    await asyncio.gather(*(pair(number) for number in range(PAIRS)))
    assert await count_unscored(pool) == 0
    assert await pool.fetchval("SELECT count(*) FROM assessments WHERE status = 'submitted'") == PAIRS
