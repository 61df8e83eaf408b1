"""Searching the catalogue for a student: the candidates of each way."""

import asyncio
from collections.abc import Sequence

from app.clients.embeddings import Embedder, EmbeddingUnavailable
from app.domain.retrieval import CANDIDATES, Candidate, RetrievalQuery, mean_of
from app.repositories import credentials
from app.repositories.credentials import UnembeddedPassage
from app.repositories.sql import Executor

# The embedding thread is shared with the local scorer; full text is better than waiting long for it.
_EMBEDDING_SECONDS = 30.0
# What the level that suits best adds to a passage's similarity, which is 0.2 to 0.6 for what is found.
_LEVEL = 0.25
# Part of the name that goes with a vector: texts put together otherwise are embedded anew, and found until then.
_RECIPE = "title, skills, passage"


async def by_words(db: Executor, query: RetrievalQuery) -> list[Candidate]:
    """Passages that share words with the query, best first."""
    return await credentials.search_by_text(db, query.words, query.fits, CANDIDATES)


async def by_meaning(db: Executor, embedder: Embedder, query: RetrievalQuery) -> list[Candidate]:
    """Passages that are near in meaning, nearest first; none where the query could not be embedded."""
    vector = await _embed(embedder, query)
    if vector is None:
        return []
    nearer = {level: _LEVEL * fit for level, fit in query.fits.items()}
    return await credentials.search_by_vector(db, vector, embedder.name, nearer, CANDIDATES)


def space(embedder: Embedder) -> str:
    """What goes with each stored vector: the model, and how the text was put together."""
    return f"{embedder.name} ({_RECIPE})"


def embedded_text(passage: UnembeddedPassage) -> str:
    """What is embedded of a passage: with its title and skills, since it seldom repeats what it is about."""
    return ". ".join(part for part in (passage.title, ", ".join(passage.skills), passage.text) if part)


async def _embed(embedder: Embedder, query: RetrievalQuery) -> Sequence[float] | None:
    try:
        async with asyncio.timeout(_EMBEDDING_SECONDS):
            vectors = await embedder.embed([part.text for part in query.meanings])
    except (EmbeddingUnavailable, TimeoutError):
        return None
    return mean_of(vectors, [part.weight for part in query.meanings])
