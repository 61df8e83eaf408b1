"""Searching the catalogue for a student: the candidates of each way."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg

from app.clients.llm.embeddings_local import Embedder, EmbeddingUnavailable
from app.domain.recommendation.query import MAX_CANDIDATES, Candidate, RetrievalQuery, weighted_mean
from app.domain.recommendation.recommend import skills_of_reason
from app.domain.states import Level
from app.repositories import embeddings, passages
from app.repositories.embeddings import UnembeddedPassage
from app.repositories.sql import Connection, Executor, Pool

# The embedding thread is shared with the local scorer; full text is better than waiting long for it.
_EMBEDDING_SECONDS = 30.0
# What the level that suits best adds to a passage's similarity, which is 0.2 to 0.6 for what is found.
_LEVEL = 0.25
# Of the catalogue's passages so many have to have vectors, or the search by meaning would overlook the others: after a
# change of the model, or while a large file is being embedded. Full text overlooks nothing.
_ENOUGH = 0.9
# Passages of which each is compared: an exact order, in a few milliseconds for ten thousand.
EXACT_UP_TO = 50_000
# Part of the name that goes with a vector: texts put together otherwise are embedded anew, and found until then.
_RECIPE = "title, skills, passage"


_One = TypeVar("_One")
_Other = TypeVar("_Other")


@dataclass(frozen=True)
class SearchResults:
    """What is found by each way, best first, and the query's vector; None where no vectors were compared."""

    by_words: list[Candidate]
    by_meaning: list[Candidate]
    vector: Sequence[float] | None


async def by_words_and_meaning(pool: Pool, embedder: Embedder, query: RetrievalQuery) -> SearchResults:
    """Searches both ways, on a connection each: the words are looked for while the query is being embedded, which is as
    much work."""
    words, (vector, meaning) = await _side_by_side(by_words(pool, query), _by_meaning(pool, embedder, query))
    return SearchResults(words, meaning, vector)


async def by_words(db: Executor, query: RetrievalQuery) -> list[Candidate]:
    """Passages that share words with the query, best first."""
    return await passages.search_by_text(db, query.words, query.level_fit, MAX_CANDIDATES)


async def by_meaning(db: Executor, embedder: Embedder, query: RetrievalQuery) -> list[Candidate]:
    """Passages that are near in meaning, nearest first; none where the query could not be embedded, or too much of the
    catalogue is not embedded in its space (yet)."""
    _, found = await _by_meaning(db, embedder, query)
    return found


async def nearest_passages(
    db: Executor, vector: Sequence[float], model: str, nearer: Mapping[Level, float], *, indexed: bool
) -> list[Candidate]:
    """Passages nearest to the vector, by the index where it is to be used; finding too few (pgvector before 0.8 may),
    each is compared."""
    if indexed:
        async with _connection(db) as conn, conn.transaction():
            await embeddings.use_index(conn)
            found = await passages.search_by_vector_index(conn, vector, model, nearer, MAX_CANDIDATES)
        if len(found) == MAX_CANDIDATES:
            return found
    return await passages.search_by_vector(db, vector, model, nearer, MAX_CANDIDATES)


async def with_evidence(
    db: Executor, model: str, query: RetrievalQuery, found: Sequence[Candidate], vector: Sequence[float] | None
) -> list[Candidate]:
    """The same credentials, each with the passage that says most of what is told of it, and its similarity to the
    query's vector, of `model`. What was found is found by title and skills too, often with a passage that says nothing
    of them."""
    return await passages.find_evidence(db, [(one, skills_of_reason(one, query)) for one in found], vector, model)


def space_name(embedder: Embedder) -> str:
    """What goes with each stored vector: the model, and how the text was put together."""
    return f"{embedder.name} ({_RECIPE})"


def embedded_text(passage: UnembeddedPassage) -> str:
    """What is embedded of a passage: with its title and skills, since it seldom repeats what it is about."""
    return ". ".join(part for part in (passage.title, ", ".join(passage.skills), passage.text) if part)


@asynccontextmanager
async def _connection(db: Executor) -> AsyncIterator[Connection]:
    if isinstance(db, asyncpg.Pool):
        async with db.acquire() as conn:
            yield conn
    else:
        yield db


async def _by_meaning(
    db: Executor, embedder: Embedder, query: RetrievalQuery
) -> tuple[Sequence[float] | None, list[Candidate]]:
    if await embeddings.share_embedded(db, space_name(embedder)) < _ENOUGH:
        return None, []
    vector, indexed = await _side_by_side(_embed(embedder, query), embeddings.is_index_usable(db, EXACT_UP_TO))
    if vector is None:
        return None, []
    nearer = {level: _LEVEL * fit for level, fit in query.level_fit.items()}
    return vector, await nearest_passages(db, vector, space_name(embedder), nearer, indexed=indexed)


async def _side_by_side(one: Coroutine[Any, Any, _One], other: Coroutine[Any, Any, _Other]) -> tuple[_One, _Other]:
    """What both return; neither is left running where the other fails."""
    first, second = asyncio.create_task(one), asyncio.create_task(other)
    try:
        return await first, await second
    finally:
        first.cancel()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)


async def _embed(embedder: Embedder, query: RetrievalQuery) -> Sequence[float] | None:
    try:
        async with asyncio.timeout(_EMBEDDING_SECONDS):
            vectors = await embedder.embed([part.text for part in query.meanings])
    except (EmbeddingUnavailable, TimeoutError):
        return None
    return weighted_mean(vectors, [part.weight for part in query.meanings])
