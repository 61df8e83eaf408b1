"""All that is stored of a person, as JSON."""

from uuid import UUID

from app.repositories.sql import Executor, statements

_SQL = statements("people")


async def read_person(db: Executor, person: str) -> str:
    """What is stored of the person outside of their assessments."""
    text: str = await db.fetchval(_SQL["read_person"], person)
    return text


async def next_assessment(db: Executor, person: str, after: UUID | None) -> UUID | None:
    """The person's next assessment by id."""
    found: UUID | None = await db.fetchval(_SQL["next_assessment"], person, after)
    return found


async def read_assessment(db: Executor, assessment_id: UUID, staff: bool) -> str | None:
    """An assessment with all that belongs to it, as staff or students may read it; None if it was erased meanwhile."""
    text: str | None = await db.fetchval(_SQL["read_assessment"], assessment_id, staff)
    return text
