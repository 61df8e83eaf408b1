"""Managing credentials. Every write adds an audit row."""

from typing import Any
from uuid import UUID, uuid4

from app.domain.body_validation import merge_body
from app.domain.errors import InvalidFields, NotFound
from app.domain.recommendation.credentials import CredentialBody, separator_errors
from app.domain.records.catalog import Credential
from app.domain.states import AuditAction, AuditEntity
from app.repositories import audit, credentials
from app.repositories.sql import Connection, Executor, Pool
from app.services import paging


async def find(db: Executor, credential_id: UUID, version: int | None = None) -> Credential:
    """The active credential, or a named version of an active or deleted one.

    Raises:
        NotFound: there is none.
    """
    credential = await credentials.find(db, credential_id, version)
    if credential is None:
        raise NotFound("there is no such credential" if version is None else "there is no such version")
    return credential


async def page(db: Executor, after: UUID | None, limit: int) -> tuple[list[Credential], str | None]:
    """Active credentials whose ids come after this one, and the cursor of the next page."""
    rows = await credentials.page(db, after, limit + 1)
    return paging.first_page(rows, limit, lambda credential: (str(credential.credential_id),))


async def search(
    db: Executor, words: str, after: UUID | None, limit: int, *, unmatched: bool = False
) -> tuple[list[Credential], str | None]:
    """Active credentials whose title, provider or skills have the words, by id, and the cursor of the next page; with
    `unmatched` only those of whose skills no active track or question has any."""
    rows = await credentials.search(db, words, after, limit + 1, unmatched=unmatched)
    return paging.first_page(rows, limit, lambda credential: (str(credential.credential_id),))


async def known_skills(db: Executor) -> frozenset[str]:
    """The skills of active tracks and their questions."""
    return await credentials.known_skills(db)


async def create(conn: Connection, actor: str, body: CredentialBody) -> Credential:
    """A new credential. Full-text search finds it at once, search by meaning once a worker has embedded it.

    Raises:
        InvalidFields: a skill has a separator of skills.
    """
    _check_skills(body)
    credential_id = uuid4()
    await credentials.create(conn, credential_id, body)
    await audit.record(conn, actor, AuditAction.CREATE, AuditEntity.CREDENTIAL, str(credential_id), body)
    return Credential(credential_id, 1, body, sample=False)


async def patch(pool: Pool, actor: str, credential_id: UUID, changes: dict[str, Any]) -> Credential:
    """A new version with some fields changed; results keep pointing to the version that they quote.

    Raises:
        NotFound, InvalidFields.
    """
    async with pool.acquire() as conn, conn.transaction():
        await credentials.lock(conn, credential_id)
        present = await find(conn, credential_id)
        body = merge_body(CredentialBody, present.body, changes)
        if body.skills != present.body.skills:
            _check_skills(body)
        version = await credentials.add_version(conn, credential_id, body)
        await audit.record(conn, actor, AuditAction.UPDATE, AuditEntity.CREDENTIAL, str(credential_id), body)
        return Credential(credential_id, version, body, present.sample)


async def delete(pool: Pool, actor: str, credential_id: UUID) -> None:
    """Deletes the credential; its versions stay readable.

    Raises:
        NotFound: it was deleted meanwhile.
    """
    async with pool.acquire() as conn, conn.transaction():
        if not await credentials.delete(conn, credential_id):
            raise NotFound("there is no such credential")
        await audit.record(conn, actor, AuditAction.DELETE, AuditEntity.CREDENTIAL, str(credential_id))


def _check_skills(body: CredentialBody) -> None:
    if errors := separator_errors(body.skills):
        raise InvalidFields(errors)
