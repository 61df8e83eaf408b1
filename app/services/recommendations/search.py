"""Searching credentials for a student, by words and by meaning."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.clients.llm.embedder import Embedder, EmbeddingUnavailable
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.recommendation.query import MAX_CANDIDATES, Candidate, RetrievalQuery, weighted_mean
from app.domain.recommendation.quotes import choose_quote, with_quote
from app.domain.recommendation.recommend import skills_of_reason
from app.domain.states import CredentialLevel
from app.lifecycle import run_both
from app.repositories import passage_vectors, passages
from app.repositories.passage_vectors import UnembeddedPassage
from app.repositories.sql import Executor, Pool, connection

# The local scorer uses the same embedding thread; searching by words alone is better than waiting long for it.
_EMBEDDING_SECONDS = 30.0
# Added to the similarity of a passage at the best-suited level. The similarities of candidates are 0.2 to 0.6.
_LEVEL_BONUS = 0.25
# The share of passages that must have vectors for a search by meaning. With fewer (after a change of the model, or
# while a large import is being embedded) it would overlook the others; full text overlooks nothing.
_MIN_EMBEDDED = 0.9
# Up to so many passages, each vector is compared: the order is exact, and it takes no longer than by the indexes.
EXACT_UP_TO = 5_000
# What the embedded text consists of, as a part of the embedding space's name: after a change all passages are embedded
# again, and found by their old vectors until then.
_TEXT_PARTS = "title, skills, passage"


@dataclass(frozen=True)
class SearchResults:
    """The candidates of each search, best first, and the query's vector; None if no vectors were compared."""

    full_text: list[Candidate]
    vector: list[Candidate]
    query_vector: Sequence[float] | None


async def search_both(pool: Pool, embedder: Embedder, query: RetrievalQuery) -> SearchResults:
    """Searches by words and by meaning at the same time, on a connection each. The search by words takes about as long
    as embedding the query."""
    words, (vector, meaning) = await run_both(search_full_text(pool, query), embed_and_search(pool, embedder, query))
    return SearchResults(await with_similarities(pool, embedder, words, meaning, vector), meaning, vector)


async def with_similarities(
    db: Executor,
    embedder: Embedder,
    by_words: Sequence[Candidate],
    by_meaning: Sequence[Candidate],
    vector: Sequence[float] | None,
) -> list[Candidate]:
    """The candidates that were found by words, each with its credential's similarity to the query, so that words alone
    keep nothing that is far in meaning."""
    near = {candidate.credential_id for candidate in by_meaning}
    missing = {candidate.credential_id for candidate in by_words} - near
    if vector is None or not missing:
        return list(by_words)
    similarities = await passages.find_similarities(db, sorted(missing), vector, embedder.name)
    return [replace(candidate, similarity=similarities.get(candidate.credential_id)) for candidate in by_words]


async def search_full_text(db: Executor, query: RetrievalQuery) -> list[Candidate]:
    """Passages that share words with the query, best first."""
    return await passages.search_full_text(db, query.full_text_parts, query.level_fit, MAX_CANDIDATES)


async def search_vectors(db: Executor, embedder: Embedder, query: RetrievalQuery) -> list[Candidate]:
    """Passages that are near in meaning, nearest first; none if the query cannot be embedded, or too few passages have
    vectors of its space (yet)."""
    _, candidates = await embed_and_search(db, embedder, query)
    return candidates


async def nearest_passages(
    db: Executor, vector: Sequence[float], space: str, bonuses: Mapping[CredentialLevel, float], *, indexed: bool
) -> list[Candidate]:
    """Passages nearest to the vector, after adding the bonus of their level. With `indexed` the indexes are searched;
    if they return too few (pgvector before 0.8 may), each vector is compared."""
    if indexed:
        async with connection(db) as conn, conn.transaction():
            await passage_vectors.use_indexes(conn)
            candidates = await passages.search_vector_index(conn, vector, space, bonuses, MAX_CANDIDATES)
        if len(candidates) == MAX_CANDIDATES:
            return candidates
    return await passages.search_vectors(db, vector, space, bonuses, MAX_CANDIDATES)


async def with_evidence(
    db: Executor, model: str, query: RetrievalQuery, candidates: Sequence[Candidate], vector: Sequence[float] | None
) -> list[Candidate]:
    """The same credentials, each with what is quoted of it: the part of a passage that says most of the skills of its
    reason, and no prerequisites. The similarity is that of its passage to the query's vector, which is of `model`. A
    search also matches title and skills, so the passage that it returns often says nothing about them."""
    skills = [(candidate, skills_of_reason(candidate, query)) for candidate in candidates]
    passages_of = await passages.find_quotable(db, skills, vector, model)
    return [
        with_quote(candidate, choose_quote(passages_of[candidate.credential_id], named, query.aliases))
        for candidate, named in skills
    ]


def space_name(embedder: Embedder) -> str:
    """The embedding space of this embedder's vectors: its model, and what the embedded text consists of."""
    return f"{embedder.name} ({_TEXT_PARTS})"


def embedded_text(passage: UnembeddedPassage) -> str:
    """The text that is embedded for a passage, with title and skills, because a passage seldom repeats them."""
    return ". ".join(part for part in (passage.title, ", ".join(passage.skills), passage.text) if part)


async def embed_and_search(
    db: Executor, embedder: Embedder, query: RetrievalQuery
) -> tuple[Sequence[float] | None, list[Candidate]]:
    """The query's vector, and the passages that are near to it, nearest first; None and none if the query cannot be
    embedded, or too few passages have vectors of its space (yet)."""
    if await passage_vectors.share_embedded(db, space_name(embedder)) < _MIN_EMBEDDED:
        return None, []
    vector, indexed = await run_both(embed_query(embedder, query), passage_vectors.are_indexes_usable(db, EXACT_UP_TO))
    if vector is None:
        return None, []
    bonuses = {level: _LEVEL_BONUS * fit for level, fit in query.level_fit.items()}
    return vector, await nearest_passages(db, vector, space_name(embedder), bonuses, indexed=indexed)


async def embed_query(embedder: Embedder, query: RetrievalQuery) -> Sequence[float] | None:
    """The vector of the query; None if it cannot be embedded."""
    embed = embedder.embed_quickly if isinstance(embedder, OfflineEmbedder) else embedder.embed
    try:
        async with asyncio.timeout(_EMBEDDING_SECONDS):
            vectors = await embed([part.text for part in query.vector_parts])
    except (EmbeddingUnavailable, TimeoutError):
        return None
    return weighted_mean(vectors, [part.weight for part in query.vector_parts])
