"""Importing many credentials at once. Provider and title identify a credential."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from app.domain.recommendation.credentials import CredentialBody
from app.domain.states import AuditAction, AuditEntity
from app.repositories import audit, credentials
from app.repositories.sql import Connection

ACTOR = "assay credentials import"


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """How many credentials were added, updated and left unchanged."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: "ImportCounts") -> "ImportCounts":
        return ImportCounts(
            self.added + other.added, self.updated + other.updated, self.unchanged + other.unchanged
        )  # fmt: skip


async def import_credentials(conn: Connection, bodies: Sequence[CredentialBody]) -> ImportCounts:
    """Adds new credentials and writes new versions of changed ones; repeating it changes nothing. Runs in the caller's
    transaction, and locks out other imports and seeds until that ends."""
    await credentials.lock_catalog(conn)
    known = await credentials.find_by_names(conn, [(body.provider, body.title) for body in bodies])
    imported = ImportCounts()
    for body in bodies:
        present = known.get((body.provider, body.title))
        if present is not None and present.body == body:
            imported += ImportCounts(unchanged=1)
        elif present is not None and await credentials.lock(conn, present.credential_id):
            await credentials.add_version(conn, present.credential_id, body)
            action, entity = AuditAction.UPDATE, AuditEntity.CREDENTIAL
            await audit.record(conn, ACTOR, action, entity, str(present.credential_id), body)
            imported += ImportCounts(updated=1)
        else:
            credential_id = uuid4()
            await credentials.create(conn, credential_id, body)
            await audit.record(conn, ACTOR, AuditAction.CREATE, AuditEntity.CREDENTIAL, str(credential_id), body)
            imported += ImportCounts(added=1)
    return imported
