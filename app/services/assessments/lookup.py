"""Finding assessments for a caller: one that must exist and be permitted, or a page of those that they may see."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from app.domain.errors import NotFound
from app.domain.records.assessments import Assessment, AssessmentSummary
from app.domain.states import AssessmentStatus
from app.repositories import assessments
from app.repositories.sql import Connection, Executor
from app.services import paging
from app.services.caller import Access, Caller


class Owned(Protocol):
    """A record of an assessment that names its owner."""

    @property
    def owner(self) -> str: ...


@dataclass(frozen=True)
class AssessmentFilter:
    """Which assessments to list; None leaves a criterion out."""

    track: str | None = None
    status: AssessmentStatus | None = None
    degraded: bool | None = None
    needs_review: bool | None = None


_Record = TypeVar("_Record")
_OwnedRecord = TypeVar("_OwnedRecord", bound=Owned)


def existing(record: _Record | None) -> _Record:
    """The record of an assessment.

    Raises:
        NotFound: there is no such assessment.
    """
    if record is None:
        raise NotFound("there is no such assessment")
    return record


def permitted(record: _OwnedRecord | None, access: Access) -> _OwnedRecord:
    """The record of an assessment that the caller may have.

    Raises:
        NotFound: there is no such assessment.
        Forbidden: it belongs to someone else.
    """
    record = existing(record)
    access.check_owner(record.owner)
    return record


async def find_assessment(db: Executor, assessment_id: UUID) -> Assessment:
    """The assessment with its questions and responses, whoever owns it.

    Raises:
        NotFound: there is no such assessment.
    """
    return existing(await assessments.read(db, assessment_id))


async def lock_assessment(conn: Connection, assessment_id: UUID) -> tuple[int, AssessmentStatus]:
    """Locks the assessment until the transaction ends; returns its newest run and its status.

    Raises:
        NotFound: there is no such assessment, perhaps because it was erased a moment ago.
    """
    return existing(await assessments.lock(conn, assessment_id))


async def find_permitted_assessment(db: Executor, assessment_id: UUID, access: Access) -> Assessment:
    """The assessment with its questions and responses, if the caller may have it.

    Raises:
        NotFound: there is no such assessment.
        Forbidden: it belongs to someone else.
    """
    return permitted(await assessments.read(db, assessment_id), access)


async def list_assessments(
    db: Executor, caller: Caller, filters: AssessmentFilter, after: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[AssessmentSummary], str | None]:
    """A page of the caller's assessments, or of everyone's for staff, newest first, and the cursor of the next page."""
    owner = None if caller.staff else caller.principal
    criteria = (filters.track, filters.status, filters.degraded, filters.needs_review)
    rows = await assessments.page(db, owner, *criteria, after, limit + 1)
    return paging.first_page(rows, limit, lambda row: paging.newest_first(row.created_at, row.assessment_id))
