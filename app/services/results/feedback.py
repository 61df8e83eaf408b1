"""Feedback: people's ratings of a result and of single recommendations."""

from datetime import datetime

from app.domain.errors import FieldError, InvalidFields
from app.domain.records.feedback import NewFeedback
from app.domain.result.readiness import check_result
from app.domain.states import AuditAction, AuditEntity
from app.repositories import audit
from app.repositories.results import feedback
from app.repositories.sql import Connection
from app.services.assessments import lookup


async def rate(conn: Connection, new: NewFeedback, actor: str | None = None) -> datetime:
    """Stores the ratings in place of the person's former ones and returns the time. Has to run in a transaction. With
    an `actor` it is audited.

    Raises:
        NotFound: there is no such assessment.
        NotSubmitted, NoResultYet, AssessmentFailed: there is no result to rate.
        InvalidFields: the result does not recommend the credential.
    """
    _, status = await lookup.lock_assessment(conn, new.assessment_id)
    check_result(status)
    run, rank = await feedback.read_rank(conn, new.assessment_id, new.credential_id)
    if new.credential_id is not None and rank is None:
        raise InvalidFields([FieldError("/credential_id", "is not one of the result's recommendations")])
    given_at = await feedback.store(conn, run, new)
    # Only that somebody rated it: ratings and comment may change, and are the person's.
    if actor is not None:
        await audit.record(conn, actor, AuditAction.CREATE, AuditEntity.FEEDBACK, str(new.assessment_id))
    return given_at
