"""The catalogue of credentials and its passages."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import asyncpg

from app.domain.recommendation.credentials import CredentialBody, passages
from app.domain.recommendation.query import Candidate, Part
from app.domain.records.assessments import Credential
from app.domain.states import Level
from app.repositories.sql import Connection, Executor, statements

_SQL = statements("credentials")
# Seconds.
_TIDYING = 1800.0
# Between words of which any will do, in the syntax of web searches; not inside of a phrase.
_OR = '" OR "'


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
        await conn.execute(_SQL["add_vectors"], credential_id, version)
    return version is not None


async def lock(conn: Connection, credential_id: UUID) -> bool:
    """Whether the active credential is held now, until the transaction ends."""
    return await conn.fetchval(_SQL["lock_credential"], credential_id) is not None


async def add_version(conn: Connection, credential_id: UUID, body: CredentialBody) -> int:
    """The number of the new version, stored with its passages. What is embedded as before keeps its vector."""
    version: int = await conn.fetchval(_SQL["raise_credential"], credential_id)
    await _add_version(conn, credential_id, version, body)
    await conn.execute(_SQL["set_aside"], credential_id, version)
    await conn.execute(_SQL["replace_vectors"], credential_id, version)
    return version


async def delete(db: Executor, credential_id: UUID) -> bool:
    """Whether there was an active credential to delete."""
    return await db.fetchval(_SQL["delete_credential"], credential_id) is not None


async def take_unembedded(conn: Connection, model: str, limit: int) -> list[UnembeddedPassage]:
    """Passages without a vector of this model, held until the transaction ends."""
    rows = await conn.fetch(_SQL["take_unembedded"], model, limit)
    return [UnembeddedPassage(**{**dict(row), "skills": tuple(row["skills"])}) for row in rows]


async def count_unembedded(db: Executor, model: str) -> int:
    """How many passages of present versions have no vector of this model."""
    count: int = await db.fetchval(_SQL["count_unembedded"], model)
    return count


async def count_without_vector(db: Executor) -> int:
    """How many passages of present versions have no vector at all, and are found by words alone."""
    count: int = await db.fetchval(_SQL["count_without_vector"])
    return count


async def store_embeddings(db: Executor, model: str, vectors: Sequence[tuple[UUID, Sequence[float]]]) -> None:
    """The passages' vectors, 384 long; not those of versions that were replaced meanwhile."""
    ids = [passage_id for passage_id, _ in vectors]
    await db.execute(_SQL["store_embeddings"], model, ids, [literal(vector) for _, vector in vectors])
    await db.execute(_SQL["remove_old_vectors"], ids)


async def tidy(conn: Connection) -> None:
    """After many changes at once: nothing old is left to be read, and plans are made for what is there now. Takes
    seconds, in which searches and writes go on, outside of any transaction; lifts this connection's time limit."""
    await conn.execute(_SQL["remove_old_vectors"], None)
    await conn.execute(_SQL["wait_without_limit"])
    await conn.execute(_SQL["tidy"], timeout=_TIDYING)


async def search_by_text(
    db: Executor, parts: Sequence[Part], fits: Mapping[Level, float], limit: int
) -> list[Candidate]:
    """Passages that share words with any of the parts, best first; `fits` says how much each level counts for."""
    told = [(text, number, part.weight) for number, part in enumerate(parts) for text in _pieces(part.text)]
    columns = [list(column) for column in zip(*told, strict=True)] or [[], [], []]
    rows = await db.fetch(_SQL["search_by_text"], *columns, list(fits), list(fits.values()), limit)
    return [_candidate(row) for row in rows]


async def search_by_vector(
    db: Executor, vector: Sequence[float], model: str, nearer: Mapping[Level, float], limit: int
) -> list[Candidate]:
    """Passages nearest in meaning, best first, of all that there are; `vector` is 384 long, and of `model`, named as
    the space or alone. `nearer` is what each level adds to the similarity for the order."""
    return await _by_vector(db, "search_by_vector", vector, model, nearer, limit)


async def search_by_vector_index(
    conn: Connection, vector: Sequence[float], model: str, nearer: Mapping[Level, float], limit: int
) -> list[Candidate]:
    """The same by the index over all vectors, in the caller's transaction, which has to be set to use it."""
    return await _by_vector(conn, "search_by_vector_index", vector, model, nearer, limit)


async def _by_vector(
    db: Executor, name: str, vector: Sequence[float], model: str, nearer: Mapping[Level, float], limit: int
) -> list[Candidate]:
    told = literal(vector), model, list(nearer), list(nearer.values())
    return [_candidate(row) for row in await db.fetch(_SQL[name], *told, limit)]


async def standing_list(db: Executor, skills: Sequence[str], limit: int) -> list[Candidate]:
    """The first passage of the credentials that share most of the skills."""
    return [_candidate(row) for row in await db.fetch(_SQL["standing_list"], list(skills), limit)]


async def _add_version(conn: Connection, credential_id: UUID, version: int, body: CredentialBody) -> None:
    cut = [{"ordinal": i, **asdict(span)} for i, span in enumerate(passages(body.description))]
    values: tuple[Any, ...] = (body.title, body.provider, body.url, body.level, list(body.skills), body.description)
    await conn.execute(_SQL["add_credential_version"], credential_id, version, *values, cut)


def _pieces(text: str) -> list[str]:
    """The phrases of which any will do; a text of another form as it is."""
    pieces = text.split(_OR)
    return [text] if len(pieces) == 1 else [f'"{piece.strip(chr(34))}"' for piece in pieces]


def literal(vector: Sequence[float]) -> str:
    """pgvector's text form; asyncpg has no codec for its type."""
    return f"[{','.join(map(repr, map(float, vector)))}]"


def _credential(row: asyncpg.Record) -> Credential:
    body = CredentialBody.model_validate({name: row[name] for name in CredentialBody.model_fields})
    return Credential(row["credential_id"], row["version"], body, row["sample"])


def _candidate(row: asyncpg.Record) -> Candidate:
    return Candidate(**{**dict(row), "skills": tuple(row["skills"])})
