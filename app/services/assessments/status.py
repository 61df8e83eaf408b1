"""Reading the status and the result of an assessment."""

from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from app.domain.assessment.disclosure import FULL_DISCLOSURE, Disclosure
from app.domain.errors import AssessmentExpired, AssessmentFailed, NotSubmitted
from app.domain.records.assessments import StatusRecord
from app.domain.states import AssessmentStatus
from app.repositories import assessments
from app.repositories.sql import Executor, Pool
from app.schemas import ResultView, StatusView, result_view, status_view
from app.services.assessments.lookup import existing, permitted
from app.services.caller import Access


@dataclass(frozen=True)
class RenderedStatus:
    """The status as some of its readers see it."""

    view: StatusView

    @cached_property
    def body(self) -> str:
        """The status as JSON, rendered once for everyone who gets it."""
        return self.view.model_dump_json()


@dataclass(frozen=True)
class Status:
    """The status of an assessment, rendered once for all who read it. Its revision grows with each visible change."""

    record: StatusRecord

    @property
    def owner(self) -> str:
        """The owner of the assessment."""
        return self.record.owner

    @property
    def revision(self) -> int:
        """The revision."""
        return self.record.revision

    @property
    def tag(self) -> str:
        """The entity tag (RFC 9110)."""
        return tag_of(self.revision)

    @cached_property
    def is_final_and_idle(self) -> bool:
        """Whether the status is final and no run is in progress, so that waiting for a change is useless."""
        view = self._for_staff.view
        return view.status.final and not view.rescoring

    def rendered(self, access: Access) -> RenderedStatus:
        """The status for this reader: the owner may not see everything."""
        return self._for_staff if access.any_owner else self._for_owner

    @cached_property
    def _for_staff(self) -> RenderedStatus:
        return RenderedStatus(status_view(self.record))

    @cached_property
    def _for_owner(self) -> RenderedStatus:
        if self.record.disclosure.answers:
            return self._for_staff
        return RenderedStatus(status_view(self.record, self.record.disclosure))


def tag_of(revision: int) -> str:
    """The entity tag of the status with this revision."""
    return f'"{revision}"'


async def read_status(db: Executor, assessment_id: UUID, access: Access) -> Status:
    """The status of an assessment that the caller may have, read in one statement.

    Raises:
        NotFound, Forbidden.
    """
    return Status(permitted(await assessments.read_status(db, assessment_id), access))


async def read_result(pool: Pool, assessment_id: UUID, access: Access) -> ResultView | Status:
    """The result, or the status while it is not final.

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
            return Status(record)
        case AssessmentStatus.COMPLETED:
            return await _result(pool, assessment_id, FULL_DISCLOSURE if access.any_owner else record.disclosure)


async def _result(pool: Pool, assessment_id: UUID, disclosure: Disclosure) -> ResultView:
    # None if it was erased since its status was read.
    stored = existing(await assessments.read_result(pool, assessment_id))
    return result_view(stored.result, stored.explanations, stored.appeals, disclosure)
