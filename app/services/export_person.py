"""Exporting all that is stored of a person."""

import json
from collections.abc import AsyncIterator
from uuid import UUID

from app.domain.principal import display_name, issuer_of
from app.repositories import people
from app.repositories.sql import Pool


async def export_person(pool: Pool, person: str, staff: bool) -> AsyncIterator[str]:
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
