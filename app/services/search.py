"""Searching the catalogue for a student: the candidates of each way."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg

from app.clients.embeddings import Embedder, EmbeddingUnavailable
from app.domain.retrieval import CANDIDATES, Candidate, RetrievalQuery, mean_of
from app.domain.states import Level
from app.repositories import credentials, embedding_space, vector_index
from app.repositories import evidence as evidences
from app.repositories.credentials import UnembeddedPassage
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


async def both_ways(pool: Pool, embedder: Embedder, query: RetrievalQuery) -> tuple[list[Candidate], list[Candidate]]:
    """What is found by words and by meaning, on a connection each: the words are looked for while the query is being
    embedded, which is as much work."""
    by_text, by_vector = await asyncio.gather(by_words(pool, query), by_meaning(pool, embedder, query))
    return by_text, by_vector


async def by_words(db: Executor, query: RetrievalQuery) -> list[Candidate]:
    """Passages that share words with the query, best first."""
    return await credentials.search_by_text(db, query.words, query.fits, CANDIDATES)


async def by_meaning(
    db: Executor, embedder: Embedder, query: RetrievalQuery, exact_up_to: int = EXACT_UP_TO
) -> list[Candidate]:
    """Passages that are near in meaning, nearest first; none where the query could not be embedded, or too much of the
    catalogue is not embedded in its space (yet). Of up to so many passages each is compared."""
    if await embedding_space.share_embedded(db, space(embedder)) < _ENOUGH:
        return []
    vector = await _embed(embedder, query)
    if vector is None:
        return []
    nearer = {level: _LEVEL * fit for level, fit in query.fits.items()}
    return await nearest(db, vector, embedder.name, nearer, exact_up_to)


async def nearest(
    db: Executor, vector: Sequence[float], model: str, nearer: Mapping[Level, float], exact_up_to: int = EXACT_UP_TO
) -> list[Candidate]:
    """Passages nearest to the vector, by the index where there are more than so many; the index missing, or finding too
    few (pgvector before 0.8 may), each is compared."""
    if await vector_index.is_used(db, exact_up_to):
        async with _connection(db) as conn, conn.transaction():
            await vector_index.use(conn)
            found = await credentials.search_by_vector_index(conn, vector, model, nearer, CANDIDATES)
        if len(found) == CANDIDATES:
            return found
    return await credentials.search_by_vector(db, vector, model, nearer, CANDIDATES)


async def evidence(
    db: Executor, embedder: Embedder, query: RetrievalQuery, found: Sequence[Candidate]
) -> list[Candidate]:
    """The same credentials, each with the passage that speaks most for it in its own words. What was found is found by
    title and skills too, often with a passage that says nothing of them."""
    # After a search by meaning the embedder remembers the query.
    vector = await _embed(embedder, query) if any(one.similarity is not None for one in found) else None
    return await evidences.find(db, found, query.words, vector, embedder.name)


def space(embedder: Embedder) -> str:
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


async def _embed(embedder: Embedder, query: RetrievalQuery) -> Sequence[float] | None:
    try:
        async with asyncio.timeout(_EMBEDDING_SECONDS):
            vectors = await embedder.embed([part.text for part in query.meanings])
    except (EmbeddingUnavailable, TimeoutError):
        return None
    return mean_of(vectors, [part.weight for part in query.meanings])
