"""Whether anything is stored of a person, and all of it as JSON."""

from uuid import UUID

from app.domain.errors import NotFound
from app.domain.records.erasures import StoredOfPerson
from app.repositories.sql import Executor, statements

_SQL = statements("people")


async def check_stored(db: Executor, person: str) -> None:
    """Looks for the person in all tables.

    Raises:
        NotFound: nothing is stored of them.
    """
    if not await db.fetchval(_SQL["is_stored"], person):
        raise NotFound("nothing is stored of this person")


async def count_stored(db: Executor, person: str) -> StoredOfPerson:
    """How much is stored of the person."""
    row = await db.fetchrow(_SQL["count_stored"], person)
    if row is None:
        raise RuntimeError("a count without GROUP BY has one row")
    return StoredOfPerson(**row)


async def read_person(db: Executor, person: str) -> str:
    """What is stored of the person outside of their assessments."""
    text: str = await db.fetchval(_SQL["read_person"], person)
    return text


async def next_assessment(db: Executor, person: str, after: UUID | None) -> UUID | None:
    """The person's next assessment by id."""
    assessment_id: UUID | None = await db.fetchval(_SQL["next_assessment"], person, after)
    return assessment_id


async def read_assessment(db: Executor, assessment_id: UUID, staff: bool) -> str | None:
    """An assessment with all that belongs to it, as staff or students may read it; None if it was erased meanwhile."""
    text: str | None = await db.fetchval(_SQL["read_assessment"], assessment_id, staff)
    return text
