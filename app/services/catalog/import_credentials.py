"""Bringing many credentials in at once; one is known by its provider and title."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from app.domain.recommendation.credentials import CredentialBody
from app.domain.states import AuditAction, AuditEntity
from app.repositories import audit, credentials, seeding
from app.repositories.sql import Connection

ACTOR = "assay credentials import"


@dataclass(frozen=True, slots=True)
class Imported:
    """How many became what."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: "Imported") -> "Imported":
        return Imported(
            self.added + other.added, self.updated + other.updated, self.unchanged + other.unchanged
        )  # fmt: skip


async def import_credentials(conn: Connection, bodies: Sequence[CredentialBody]) -> Imported:
    """Adds what is not there, and writes a new version of what has changed; repeating it changes nothing. In the
    caller's transaction, and with nobody else importing or seeding until it ends."""
    await seeding.wait_for_turn(conn)
    known = await credentials.find_by_names(conn, [(body.provider, body.title) for body in bodies])
    imported = Imported()
    for body in bodies:
        present = known.get((body.provider, body.title))
        if present is not None and present.body == body:
            imported += Imported(unchanged=1)
        elif present is not None and await credentials.lock(conn, present.credential_id):
            await credentials.add_version(conn, present.credential_id, body)
            action, entity = AuditAction.UPDATE, AuditEntity.CREDENTIAL
            await audit.record(conn, ACTOR, action, entity, str(present.credential_id), body)
            imported += Imported(updated=1)
        else:
            credential_id = uuid4()
            await credentials.create(conn, credential_id, body)
            await audit.record(conn, ACTOR, AuditAction.CREATE, AuditEntity.CREDENTIAL, str(credential_id), body)
            imported += Imported(added=1)
    return imported
