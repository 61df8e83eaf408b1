"""Searching the passages of credentials by words and by meaning, and choosing the passage to quote."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg

from app.domain.recommendation.query import Candidate, QueryPart
from app.domain.recommendation.quotes import Passage
from app.domain.states import CredentialLevel
from app.repositories.passage_vectors import vector_literal
from app.repositories.sql import Connection, Executor, statements

_SQL = statements("passages")
# Separates alternatives in the syntax of web searches; a quoted phrase cannot contain it.
_OR = '" OR "'


async def search_full_text(
    db: Executor, parts: Sequence[QueryPart], level_fit: Mapping[CredentialLevel, float], limit: int
) -> list[Candidate]:
    """Passages that share words with any part of the query, best first; scores are multiplied by `level_fit`."""
    terms = [(text, number, part.weight) for number, part in enumerate(parts) for text in _alternatives(part.text)]
    columns = [list(column) for column in zip(*terms, strict=True)] or [[], [], []]
    rows = await db.fetch(_SQL["search_full_text"], *columns, list(level_fit), list(level_fit.values()), limit)
    return [_candidate(row) for row in rows]


async def search_vectors(
    db: Executor, vector: Sequence[float], space: str, level_bonus: Mapping[CredentialLevel, float], limit: int
) -> list[Candidate]:
    """Passages nearest in meaning, best first, by comparing all vectors of the space's model; `level_bonus` is added to
    the similarity for the order. `vector` has 384 numbers."""
    return await _search_vectors(db, "search_vectors", vector, space, level_bonus, limit)


async def search_vector_index(
    conn: Connection, vector: Sequence[float], space: str, level_bonus: Mapping[CredentialLevel, float], limit: int
) -> list[Candidate]:
    """The same by the indexes over all vectors; needs a transaction with `passage_vectors.use_indexes`."""
    return await _search_vectors(conn, "search_vector_index", vector, space, level_bonus, limit)


async def find_similarities(
    db: Executor, credential_ids: Sequence[UUID], vector: Sequence[float], model: str
) -> dict[UUID, float]:
    """The similarity of each credential's nearest passage to `vector` (384 numbers, made by `model`)."""
    rows = await db.fetch(_SQL["find_similarities"], list(credential_ids), vector_literal(vector), model)
    return {row["credential_id"]: row["similarity"] for row in rows}


async def find_by_skills(db: Executor, skills: Sequence[str], limit: int) -> list[Candidate]:
    """The first passages of the credentials that share most of these skills."""
    return [_candidate(row) for row in await db.fetch(_SQL["find_by_skills"], list(skills), limit)]


async def find_quotable(
    db: Executor, phrases: Sequence[tuple[Candidate, Sequence[str]]], vector: Sequence[float] | None, model: str
) -> dict[UUID, list[Passage]]:
    """All passages of each credential, in their order; `shared` says how well its own words match the credential's
    phrases. The similarity is that to `vector` (384 numbers, made by `model`), or None without it."""
    pairs = [(candidate.credential_id, phrase) for candidate, texts in phrases for phrase in texts]
    rows = await db.fetch(
        _SQL["find_quotable"],
        [candidate.credential_id for candidate, _ in phrases],
        [candidate.credential_version for candidate, _ in phrases],
        [credential_id for credential_id, _ in pairs],
        [phrase for _, phrase in pairs],
        None if vector is None else vector_literal(vector),
        model,
    )
    found: dict[UUID, list[Passage]] = {}
    for row in rows:
        credential_id, *values = row
        found.setdefault(credential_id, []).append(Passage(*values))
    return found


async def _search_vectors(
    db: Executor,
    name: str,
    vector: Sequence[float],
    space: str,
    level_bonus: Mapping[CredentialLevel, float],
    limit: int,
) -> list[Candidate]:
    values = vector_literal(vector), space, list(level_bonus), list(level_bonus.values())
    return [_candidate(row) for row in await db.fetch(_SQL[name], *values, limit)]


def _alternatives(text: str) -> list[str]:
    """The phrases of which any one matches; a text in another form as it is."""
    phrases = text.split(_OR)
    return [text] if len(phrases) == 1 else [f'"{phrase.strip(chr(34))}"' for phrase in phrases]


def _candidate(row: asyncpg.Record) -> Candidate:
    return Candidate(**{**dict(row), "skills": tuple(row["skills"])})
