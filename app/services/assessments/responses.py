"""Saving responses while the assessment is open."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.domain.assessment.answers import validate_responses
from app.domain.errors import AlreadySubmitted, AssessmentExpired
from app.domain.records.assessments import Assessment
from app.domain.states import AssessmentStatus, AuditAction, AuditEntity
from app.repositories import assessments, audit
from app.repositories.sql import Pool
from app.schemas import SavedView
from app.services.assessments.lookup import find_assessment


async def save(pool: Pool, assessment: Assessment, answers: Sequence[tuple[UUID, Any]]) -> SavedView:
    """Saves the answers, each with the id of its question: all or none.

    Raises:
        InvalidFields: an answer does not fit its question.
        AlreadySubmitted, AssessmentExpired: the assessment is not open.
    """
    responses = validate_responses(answers, assessment.questions_by_id)
    check_open(assessment.status)
    async with pool.acquire() as conn, conn.transaction():
        saved = await assessments.save_responses(conn, assessment.id, responses)
        answered = await assessments.count_responses(conn, assessment.id)
        if saved:
            key = str(assessment.id)
            await audit.record_if_key(conn, assessment.owner, AuditAction.UPDATE, AuditEntity.ASSESSMENT, key)
    if not saved:
        # It was open when it was read; its status now says why it is not any more.
        check_open((await find_assessment(pool, assessment.id)).status)
        raise RuntimeError("an open assessment refused a write")
    return SavedView(
        assessment_id=assessment.id, saved=len(responses), answered=answered, total=len(assessment.questions)
    )


def check_open(status: AssessmentStatus) -> None:
    """Checks that answers may still be written.

    Raises:
        AlreadySubmitted, AssessmentExpired.
    """
    if status is AssessmentStatus.EXPIRED:
        raise AssessmentExpired("the time for this assessment is over")
    if status is not AssessmentStatus.IN_PROGRESS:
        raise AlreadySubmitted("this assessment was submitted already; its answers are locked")
