"""Reading the status and the result of an assessment."""

from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from app.domain.errors import AssessmentExpired, AssessmentFailed, NotSubmitted
from app.domain.records.assessments import StatusRecord
from app.domain.states import AssessmentStatus
from app.repositories import assessments
from app.repositories.sql import Executor, Pool
from app.schemas import StatusView, status_view
from app.services.assessments.lookup import permitted
from app.services.caller import Access


@dataclass(frozen=True)
class Status:
    """The status of an assessment, with its revision, which grows with each visible change."""

    view: StatusView
    revision: int

    @cached_property
    def body(self) -> str:
        """The status as JSON, rendered once for everyone who gets it."""
        return self.view.model_dump_json()

    @property
    def tag(self) -> str:
        """The entity tag (RFC 9110)."""
        return f'"{self.revision}"'

    @property
    def is_final_and_idle(self) -> bool:
        """Whether the status is final and no run is in progress, so that waiting for a change is useless."""
        return self.view.status.final and not self.view.rescoring


async def read_status(db: Executor, assessment_id: UUID, access: Access) -> Status:
    """The status of an assessment that the caller may have, read in one statement.

    Raises:
        NotFound, Forbidden.
    """
    return status_of(permitted(await assessments.read_status(db, assessment_id), access))


def status_of(record: StatusRecord) -> Status:
    """The status as a record says it."""
    return Status(status_view(record), record.revision)


async def read_result(pool: Pool, assessment_id: UUID, access: Access) -> str | Status:
    """The result as JSON text, or the status while it is not final.

    Raises:
        NotFound, Forbidden, NotSubmitted, AssessmentExpired, AssessmentFailed.
    """
    record = permitted(await assessments.read_status(pool, assessment_id), access)
    match record.status:
        case AssessmentStatus.IN_PROGRESS:
            raise NotSubmitted("this assessment was not submitted yet")
        case AssessmentStatus.EXPIRED:
            raise AssessmentExpired("the time for this assessment is over; it was never submitted")
        case AssessmentStatus.FAILED:
            raise AssessmentFailed("no result could be put together; the status has the scores by rule")
        case AssessmentStatus.SUBMITTED:
            return status_of(record)
        case AssessmentStatus.COMPLETED:
            return await _result(pool, assessment_id)


async def _result(pool: Pool, assessment_id: UUID) -> str:
    body = await assessments.read_result(pool, assessment_id)
    if body is None:
        raise RuntimeError("a completed assessment without a result")
    return body
