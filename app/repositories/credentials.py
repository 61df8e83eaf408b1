"""The catalogue of credentials and its passages."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import asyncpg

from app.domain.catalog import CredentialBody, passages
from app.domain.records import Credential
from app.domain.retrieval import Candidate, Part
from app.domain.states import Level
from app.repositories.sql import Connection, Executor, affected, statements

_SQL = statements("credentials")


@dataclass(frozen=True)
class UnembeddedPassage:
    """A passage that waits for its vector."""

    id: UUID
    title: str
    skills: tuple[str, ...]
    text: str


async def find(db: Executor, credential_id: UUID, version: int | None = None) -> Credential | None:
    """The active credential, or a named version of it, deleted or not."""
    row = await db.fetchrow(_SQL["find_credential"], credential_id, version)
    return _credential(row) if row else None


async def page(db: Executor, after: UUID | None, limit: int) -> list[Credential]:
    """Active credentials by id."""
    return [_credential(row) for row in await db.fetch(_SQL["list_credentials"], after, limit)]


async def find_by_names(db: Executor, names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Credential]:
    """Active credentials by provider and title."""
    providers, titles = [provider for provider, _ in names], [title for _, title in names]
    found = [_credential(row) for row in await db.fetch(_SQL["find_by_names"], providers, titles)]
    return {(credential.body.provider, credential.body.title): credential for credential in found}


async def create(conn: Connection, credential_id: UUID, body: CredentialBody, *, sample: bool = False) -> bool:
    """Version 1 with its passages; False where the id exists."""
    version = await conn.fetchval(_SQL["create_credential"], credential_id, sample)
    if version is not None:
        await _add_version(conn, credential_id, version, body)
    return version is not None


async def lock(conn: Connection, credential_id: UUID) -> bool:
    """Whether the active credential is held now, until the transaction ends."""
    return await conn.fetchval(_SQL["lock_credential"], credential_id) is not None


async def add_version(conn: Connection, credential_id: UUID, body: CredentialBody) -> int:
    """The number of the new version, stored with its passages."""
    version: int = await conn.fetchval(_SQL["raise_credential"], credential_id)
    await _add_version(conn, credential_id, version, body)
    return version


async def delete(db: Executor, credential_id: UUID) -> bool:
    """Whether there was an active credential to delete."""
    return affected(await db.execute(_SQL["delete_credential"], credential_id)) == 1


async def take_unembedded(conn: Connection, model: str, limit: int) -> list[UnembeddedPassage]:
    """Passages without a vector of this model, held until the transaction ends."""
    rows = await conn.fetch(_SQL["take_unembedded"], model, limit)
    return [UnembeddedPassage(**{**dict(row), "skills": tuple(row["skills"])}) for row in rows]


async def count_unembedded(db: Executor, model: str) -> int:
    """How many passages of present versions have no vector of this model."""
    count: int = await db.fetchval(_SQL["count_unembedded"], model)
    return count


async def store_embeddings(db: Executor, model: str, vectors: Sequence[tuple[UUID, Sequence[float]]]) -> None:
    """The passages' vectors, 384 long."""
    ids = [passage_id for passage_id, _ in vectors]
    await db.execute(_SQL["store_embeddings"], model, ids, [_literal(vector) for _, vector in vectors])


async def search_by_text(
    db: Executor, parts: Sequence[Part], fits: Mapping[Level, float], limit: int
) -> list[Candidate]:
    """Passages that share words with any of the parts, best first; `fits` says how much each level counts for."""
    told = [part.text for part in parts], [part.weight for part in parts]
    rows = await db.fetch(_SQL["search_by_text"], *told, list(fits), list(fits.values()), limit)
    return [_candidate(row) for row in rows]


async def search_by_vector(
    db: Executor, vector: Sequence[float], model: str, nearer: Mapping[Level, float], limit: int
) -> list[Candidate]:
    """Passages nearest in meaning, best first; `vector` is 384 long and of `model`. `nearer` is what each level adds to
    the similarity for the order."""
    told = _literal(vector), model, list(nearer), list(nearer.values())
    return [_candidate(row) for row in await db.fetch(_SQL["search_by_vector"], *told, limit)]


async def standing_list(db: Executor, skills: Sequence[str], limit: int) -> list[Candidate]:
    """The first passage of the credentials that share most of the skills."""
    return [_candidate(row) for row in await db.fetch(_SQL["standing_list"], list(skills), limit)]


async def _add_version(conn: Connection, credential_id: UUID, version: int, body: CredentialBody) -> None:
    cut = [{"ordinal": i, **asdict(span)} for i, span in enumerate(passages(body.description))]
    values: tuple[Any, ...] = (body.title, body.provider, body.url, body.level, list(body.skills), body.description)
    await conn.execute(_SQL["add_credential_version"], credential_id, version, *values, cut)


def _literal(vector: Sequence[float]) -> str:
    """pgvector's text form; asyncpg has no codec for its type."""
    return f"[{','.join(map(repr, map(float, vector)))}]"


def _credential(row: asyncpg.Record) -> Credential:
    body = CredentialBody.model_validate({name: row[name] for name in CredentialBody.model_fields})
    return Credential(row["credential_id"], row["version"], body, row["sample"])


def _candidate(row: asyncpg.Record) -> Candidate:
    return Candidate(**{**dict(row), "skills": tuple(row["skills"])})
