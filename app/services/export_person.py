"""Exporting all that is stored of a person."""

import json
from collections.abc import AsyncIterator
from uuid import UUID

from app.domain.principal import display_name, issuer_of
from app.domain.states import AuditAction, AuditEntity
from app.repositories import audit, erasures, people
from app.repositories.sql import Pool


async def export_person(pool: Pool, actor: str, person: str) -> AsyncIterator[str]:
    """The export that staff may read, recorded in the audit log before its first piece.

    Raises:
        NotFound: nothing is stored of the person.
    """
    async with pool.acquire() as conn, conn.transaction():
        # The end of an erasure is over before the next statement, or finds the line in the log and takes the name out.
        await erasures.lock_owner(conn, person)
        await people.check_stored(conn, person)
        await audit.record(conn, actor, AuditAction.EXPORT, AuditEntity.PERSON, person)
    async for piece in _export(pool, person, staff=True):
        yield piece


def export_own(pool: Pool, person: str) -> AsyncIterator[str]:
    """The export for the person: of single questions what their track shows to students."""
    return _export(pool, person, staff=False)


async def _export(pool: Pool, person: str, staff: bool) -> AsyncIterator[str]:
    """A JSON document in pieces, one for each assessment. Each is a statement of its own, so a slow client holds no
    connection; what is erased meanwhile is left out."""
    stored = await people.read_person(pool, person)
    head = {"sub": display_name(person), "issuer": issuer_of(person)}
    yield f'{json.dumps(head)[:-1]}, "stored": {stored}, "assessments": ['
    after: UUID | None = None
    separator = ""
    while (after := await people.next_assessment(pool, person, after)) is not None:
        assessment = await people.read_assessment(pool, after, staff)
        if assessment is not None:
            yield separator + assessment
            separator = ", "
    yield "]}"
