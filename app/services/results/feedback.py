"""What people think of a result, and of each recommendation in it."""

from datetime import datetime

from app.domain.errors import FieldError, InvalidFields
from app.domain.records.feedback import NewFeedback
from app.repositories import assessments, feedback
from app.repositories.sql import Connection
from app.services.results.override import check_result


async def give(conn: Connection, new: NewFeedback) -> datetime:
    """Keeps the ratings in the place of those that the person gave before, and returns when; has to run in a
    transaction.

    Raises:
        NotSubmitted, NoResultYet, AssessmentFailed: there is no result to rate.
        InvalidFields: the result does not recommend the credential.
    """
    _, status = await assessments.hold(conn, new.assessment_id)
    check_result(status)
    run, rank = await feedback.rated(conn, new.assessment_id, new.credential_id)
    if new.credential_id is not None and rank is None:
        raise InvalidFields([FieldError("/credential_id", "is none of the result's recommendations")])
    return await feedback.put(conn, run, new)
