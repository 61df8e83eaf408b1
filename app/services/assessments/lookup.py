"""Finding an assessment for a caller: it must exist, and the caller must be allowed to have it."""

from typing import Protocol, TypeVar
from uuid import UUID

from app.domain.errors import NotFound
from app.domain.records.assessments import Assessment
from app.repositories import assessments
from app.repositories.sql import Executor
from app.services.caller import Access


class Owned(Protocol):
    """A record of an assessment that names its owner."""

    @property
    def owner(self) -> str: ...


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


async def find_permitted_assessment(db: Executor, assessment_id: UUID, access: Access) -> Assessment:
    """The assessment with its questions and responses, if the caller may have it.

    Raises:
        NotFound: there is no such assessment.
        Forbidden: it belongs to someone else.
    """
    return permitted(await assessments.read(db, assessment_id), access)
