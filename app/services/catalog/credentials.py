"""Managing credentials. Every write adds an audit row."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from app.domain.body_validation import merge_body
from app.domain.errors import InvalidFields, NotFound
from app.domain.recommendation.credentials import CredentialBody, separator_errors
from app.domain.recommendation.skill_aliases import SkillAliases
from app.domain.recommendation.skill_matching import SkillMatcher
from app.domain.records.catalog import Credential
from app.domain.states import AuditAction, AuditEntity
from app.repositories import audit, credentials
from app.repositories.sql import Connection, Executor, Pool
from app.services import paging
from app.services.catalog.skill_aliases import aliases_that_count


async def find(db: Executor, credential_id: UUID, version: int | None = None) -> Credential:
    """The active credential, or a named version of an active or deleted one.

    Raises:
        NotFound: there is none.
    """
    credential = await credentials.find(db, credential_id, version)
    if credential is None:
        raise NotFound("there is no such credential" if version is None else "there is no such version")
    return credential


async def page(
    db: Executor, after: UUID | None, limit: int, external_id: str | None = None
) -> tuple[list[Credential], str | None]:
    """Active credentials whose ids come after this one, and the cursor of the next page; only that with the external id
    if one is named."""
    rows = await credentials.page(db, after, limit + 1, external_id)
    return paging.first_page(rows, limit, lambda credential: (str(credential.credential_id),))


async def search(
    db: Executor, words: str, after: UUID | None, limit: int, *, unmatched: bool = False
) -> tuple[list[Credential], str | None]:
    """Active credentials whose title, provider or skills have the words, by id, and the cursor of the next page; with
    `unmatched` only those of whose skills no active track or question has any."""
    known = await credentials.known_skills(db) if unmatched else None
    shared = None if known is None else await spellings_of(db, sorted(known), await aliases_that_count(db))
    rows = await credentials.search(db, words, after, limit + 1, shared)
    return paging.first_page(rows, limit, lambda credential: (str(credential.credential_id),))


async def skill_matcher(db: Executor) -> SkillMatcher:
    """What compares skills with those of active tracks and their questions."""
    return SkillMatcher(await credentials.known_skills(db), await aliases_that_count(db))


async def create(conn: Connection, actor: str, body: CredentialBody) -> Credential:
    """A new credential. Full-text search finds it at once, search by meaning once a worker has embedded it.

    Raises:
        InvalidFields: a skill has a separator of skills.
        ExternalIdTaken: another active credential has the external id.
    """
    _check_skills(body)
    credential_id = uuid4()
    await credentials.create(conn, credential_id, body)
    await audit.record(conn, actor, AuditAction.CREATE, AuditEntity.CREDENTIAL, str(credential_id), body)
    return Credential(credential_id, 1, body, sample=False)


async def patch(pool: Pool, actor: str, credential_id: UUID, changes: dict[str, Any]) -> Credential:
    """A new version with some fields changed; results keep pointing to the version that they quote.

    Raises:
        NotFound, InvalidFields, ExternalIdTaken.
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


async def all_active(db: Executor) -> list[Credential]:
    """All active credentials, by id."""
    return await credentials.all_active(db)


async def retire(pool: Pool, actor: str, names: Sequence[str], *, samples: bool = False) -> list[Credential]:
    """Retires the credentials with these ids or external ids, and with `samples` those that came with the software; all
    or none. Returns them.

    Raises:
        NotFound: no active credential has one of the names.
    """
    async with pool.acquire() as conn, conn.transaction():
        await credentials.lock_catalog(conn)
        active = await credentials.all_active(conn)
        by_name = {one.body.external_id: one for one in active if one.body.external_id}
        by_name |= {str(one.credential_id): one for one in active}
        if missing := [name for name in names if name not in by_name and name.lower() not in by_name]:
            raise NotFound(f"there is no such credential: {', '.join(missing)}")
        named = [by_name.get(name) or by_name[name.lower()] for name in names]
        chosen = {one.credential_id: one for one in (*named, *(one for one in active if samples and one.sample))}
        for credential_id in chosen:
            await credentials.delete(conn, credential_id)
            await audit.record(conn, actor, AuditAction.DELETE, AuditEntity.CREDENTIAL, str(credential_id))
        return list(chosen.values())


async def spellings_of(db: Executor, skills: Sequence[str], aliases: SkillAliases) -> list[str]:
    """The skills of active credentials that are among these, as each credential writes them."""
    matcher = SkillMatcher(skills, aliases)
    return [skill for skill in await credentials.present_skills(db) if matcher.is_known(skill)]


def _check_skills(body: CredentialBody) -> None:
    if errors := separator_errors(body.skills):
        raise InvalidFields(errors)
