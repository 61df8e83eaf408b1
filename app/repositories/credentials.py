"""Credentials, their versions and passages, as they are created, changed and deleted."""

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

import asyncpg

from app.domain.recommendation.credentials import CredentialBody, passages
from app.domain.records.catalog import Credential
from app.repositories import passage_vectors
from app.repositories.sql import Connection, Executor, caller_errors, statements

_SQL = statements("credentials")
_VACUUM_SECONDS = 1800.0


async def find(db: Executor, credential_id: UUID, version: int | None = None) -> Credential | None:
    """The current version of an active credential; or the version named, deleted or not."""
    row = await db.fetchrow(_SQL["find_credential"], credential_id, version)
    return _credential(row) if row else None


async def descriptions(db: Executor, versions: Sequence[tuple[UUID, int]]) -> dict[tuple[UUID, int], str]:
    """The descriptions of versions of credentials, deleted or not, by id and version; titles where there is none."""
    ids, numbers = [credential_id for credential_id, _ in versions], [version for _, version in versions]
    rows = await db.fetch(_SQL["descriptions"], ids, numbers)
    return {(row["credential_id"], row["version"]): row["description"] for row in rows}


async def page(db: Executor, after: UUID | None, limit: int | None, external_id: str | None = None) -> list[Credential]:
    """A page of active credentials, by id; all of them without a limit, and only that with the external id if one is
    named."""
    return [_credential(row) for row in await db.fetch(_SQL["list_credentials"], after, limit, external_id)]


async def search(
    db: Executor, words: str, after: UUID | None, limit: int, without: Sequence[str] | None = None
) -> list[Credential]:
    """A page of active credentials with the words in title, provider or skills, by id; only those that have none of the
    skills `without`, if there is such a list."""
    rows = await db.fetch(_SQL["search_credentials"], words, after, limit, without)
    return [_credential(row) for row in rows]


async def present_skills(db: Executor) -> list[str]:
    """The skills of active credentials, as each writes them."""
    return [row["skill"] for row in await db.fetch(_SQL["present_skills"])]


async def known_skills(db: Executor) -> frozenset[str]:
    """The skills of active tracks and their active questions."""
    return frozenset(row["skill"] for row in await db.fetch(_SQL["known_skills"]))


async def find_by_names(db: Executor, names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Credential]:
    """Active credentials by provider and title."""
    providers, titles = [provider for provider, _ in names], [title for _, title in names]
    matches = [_credential(row) for row in await db.fetch(_SQL["find_by_names"], providers, titles)]
    return {(credential.body.provider, credential.body.title): credential for credential in matches}


async def find_by_external_ids(db: Executor, external_ids: Sequence[str]) -> dict[str, Credential]:
    """Active credentials by external id."""
    matches = [_credential(row) for row in await db.fetch(_SQL["find_by_external_ids"], list(external_ids))]
    return {credential.body.external_id: credential for credential in matches if credential.body.external_id}


async def all_active(db: Executor) -> list[Credential]:
    """All active credentials, by id."""
    return await page(db, None, None)


async def lock_catalog(conn: Connection) -> None:
    """Waits until no other transaction seeds or imports, and keeps them waiting until this one ends."""
    await conn.execute(_SQL["lock_catalog"])


async def create(conn: Connection, credential_id: UUID, body: CredentialBody, *, sample: bool = False) -> bool:
    """Stores version 1 with its passages; False if the id exists.

    Raises:
        ExternalIdTaken: another active credential has the external id.
    """
    with caller_errors():
        version = await conn.fetchval(_SQL["create_credential"], credential_id, sample, body.external_id)
    if version is not None:
        await _add_version(conn, credential_id, version, body)
        await conn.execute(_SQL["add_vector_rows"], credential_id, version)
    return version is not None


async def lock(conn: Connection, credential_id: UUID) -> bool:
    """Locks the active credential until the transaction ends; False if there is none."""
    return await conn.fetchval(_SQL["lock_credential"], credential_id) is not None


async def add_version(conn: Connection, credential_id: UUID, body: CredentialBody) -> int:
    """Stores a new version with its passages and returns its number. Passages whose text, title and skills did not
    change keep their vectors.

    Raises:
        ExternalIdTaken: another active credential has the external id.
    """
    with caller_errors():
        version: int = await conn.fetchval(_SQL["raise_version"], credential_id, body.external_id)
    await _add_version(conn, credential_id, version, body)
    await conn.execute(_SQL["hide_older_versions"], credential_id, version)
    await conn.execute(_SQL["replace_vector_rows"], credential_id, version)
    return version


async def delete(db: Executor, credential_id: UUID) -> bool:
    """Deletes the active credential; False if there is none."""
    return await db.fetchval(_SQL["delete_credential"], credential_id) is not None


async def vacuum(conn: Connection) -> None:
    """Deletes outdated rows and renews the planner's statistics, after many changes at once. Takes seconds, in which
    searches and writes go on. Not for a transaction; lifts this connection's statement timeout."""
    await passage_vectors.delete_outdated(conn)
    await conn.execute(_SQL["lift_statement_timeout"])
    await conn.execute(_SQL["vacuum"], timeout=_VACUUM_SECONDS)


async def use_temporary_catalog(conn: Connection) -> None:
    """Gives this connection an empty catalog of its own in place of the real one, until it closes.

    Raises:
        asyncpg.UndefinedTableError: the database is not migrated.
    """
    for name in (
        "create_temporary_credentials",
        "create_temporary_credential_versions",
        "create_temporary_passages",
        "create_temporary_passage_vectors",
    ):
        await conn.execute(_SQL[name])


async def _add_version(conn: Connection, credential_id: UUID, version: int, body: CredentialBody) -> None:
    cut = [{"ordinal": i, **asdict(span)} for i, span in enumerate(passages(body.quoted_text))]
    values = body.title, body.provider, body.url, body.level, list(body.skills), body.description, body.language
    await conn.execute(_SQL["add_credential_version"], credential_id, version, cut, *values)


def _credential(row: asyncpg.Record) -> Credential:
    body = CredentialBody.model_validate({name: row[name] for name in CredentialBody.model_fields})
    return Credential(row["credential_id"], row["version"], body, row["sample"])
