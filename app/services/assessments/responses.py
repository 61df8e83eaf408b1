"""Saving answers in part, and again."""

from collections.abc import Sequence
from typing import Any, NoReturn
from uuid import UUID

from app.domain.assessment.answers import validate_responses
from app.domain.errors import AlreadySubmitted, AssessmentExpired, NotFound
from app.domain.records.assessments import Assessment
from app.domain.states import AssessmentStatus
from app.repositories import assessments
from app.repositories.sql import Executor, Pool
from app.schemas import SavedView
from app.services.caller import Access


async def find(db: Executor, assessment_id: UUID) -> Assessment:
    """The assessment.

    Raises:
        NotFound: there is none of this id.
    """
    assessment = await assessments.read(db, assessment_id)
    if assessment is None:
        raise NotFound("there is no such assessment")
    return assessment


async def find_permitted(db: Executor, assessment_id: UUID, access: Access) -> Assessment:
    """The assessment, if the caller may have it.

    Raises:
        NotFound, Forbidden.
    """
    assessment = await find(db, assessment_id)
    access.check_owner(assessment.owner)
    return assessment


async def save(pool: Pool, assessment: Assessment, given: Sequence[tuple[UUID, Any]]) -> SavedView:
    """Saves the answers, all or none.

    Raises:
        InvalidFields: an answer does not fit its question.
        AlreadySubmitted, AssessmentExpired: it is too late.
    """
    responses = validate_responses(given, assessment.questions_by_id)
    check_open(assessment.status)
    async with pool.acquire() as conn, conn.transaction():
        saved = await assessments.save_responses(conn, assessment.id, responses)
        answered = await assessments.count_responses(conn, assessment.id)
    if not saved:
        await refuse(pool, assessment.id)
    return SavedView(
        assessment_id=assessment.id, saved=len(responses), answered=answered, total=len(assessment.questions)
    )


def check_open(status: AssessmentStatus) -> None:
    """Lets pass while answers are taken.

    Raises:
        AlreadySubmitted, AssessmentExpired.
    """
    if status is AssessmentStatus.EXPIRED:
        raise AssessmentExpired("the time for this assessment is over")
    if status is not AssessmentStatus.IN_PROGRESS:
        raise AlreadySubmitted("this assessment was submitted already; its answers are locked")


async def refuse(pool: Pool, assessment_id: UUID) -> NoReturn:
    """Says why an assessment that was open when it was read is not any more."""
    check_open((await find(pool, assessment_id)).status)
    raise RuntimeError("an open assessment refused a write")
