"""The passage that a recommendation quotes is the one that speaks for it."""

from collections.abc import Sequence
from uuid import uuid4

import pytest

from app.clients.llm.embeddings_local import OfflineEmbedder
from app.domain.recommendation.query import MAX_CANDIDATES, QueryPart, RetrievalQuery
from app.domain.text import words
from app.repositories import credentials
from app.repositories.sql import Pool
from app.services.recommendations import embed_credentials, search
from tests.bank import credential

_OPENING = "Everything about gardens in one long and thorough introduction that leaves no season out. " * 3
_ADMINISTRATION = "Soil scientists may join without an exam, whoever pays by May gets a discount of ten per cent. " * 3
_WATER = "Watering is planned by plant and season, and irrigation is measured with buckets and clocks on a slope. " * 3
_DESCRIPTION = f"{_OPENING}{_ADMINISTRATION}{_WATER}"


def asking(*texts: str) -> RetrievalQuery:
    """A query of somebody who has these gaps."""
    parts = tuple(QueryPart(text, 1.0) for text in texts)
    return RetrievalQuery(words=parts, meanings=parts, gaps=texts)


async def quoted(
    pool: Pool, embedder: OfflineEmbedder, query: RetrievalQuery, skills: Sequence[str]
) -> tuple[str, float | None]:
    """The first words of the passage that is quoted, and its similarity."""
    body = credential("Gardens", "soil", _DESCRIPTION).model_copy(update={"skills": tuple(skills)})
    async with pool.acquire() as conn:
        await credentials.create(conn, uuid4(), body)
    while await embed_credentials.embed_passages(pool, embedder):
        pass
    searched = await search.by_words_and_meaning(pool, embedder, query)
    found = searched.by_meaning
    assert len(found) == 3 <= MAX_CANDIDATES
    (one,) = await search.with_evidence(pool, embedder.name, query, found[:1], searched.vector)
    assert one == next(other for other in found if other.passage_id == one.passage_id)
    return words(one.text)[0], one.similarity


@pytest.mark.parametrize(
    ("gaps", "skills", "first"),
    [
        (("irrigation",), ("soil", "irrigation"), "watering"),
        # Irrigate, irrigation: one stem.
        (("irrigate",), ("irrigate",), "watering"),
        (("soil",), ("soil", "irrigation"), "soil"),
        (("season",), ("season",), "everything"),
        # What is not told of it speaks for nothing, whoever has the gap.
        (("irrigation",), ("mulching",), "everything"),
        # In title and skills alone: no passage says more of it than the others.
        (("mulching",), ("mulching",), "everything"),
    ],
)
async def test_it_has_most_of_what_is_told_of_the_credential_in_its_own_words(
    pool: Pool, embedder: OfflineEmbedder, gaps: tuple[str, ...], skills: tuple[str, ...], first: str
) -> None:
    quote, similarity = await quoted(pool, embedder, asking(*gaps), skills)
    assert quote == first and similarity is not None


async def test_without_vectors_its_similarity_is_not_known(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await credentials.create(conn, uuid4(), credential("Gardens", "irrigation", _DESCRIPTION))
    query = asking("irrigation")
    (found, *_) = await search.by_words(pool, query)
    (one,) = await search.with_evidence(pool, "any", query, [found], None)
    assert (words(one.text)[0], one.similarity) == ("watering", None)


async def test_it_is_of_the_version_that_was_found(pool: Pool) -> None:
    credential_id = uuid4()
    async with pool.acquire() as conn:
        await credentials.create(conn, credential_id, credential("Gardens", "irrigation", _DESCRIPTION))
        (found, *_) = await search.by_words(pool, asking("irrigation"))
        await credentials.add_version(conn, credential_id, credential("Gardens", "soil", "Something else."))
    (one,) = await search.with_evidence(pool, "any", asking("irrigation"), [found], None)
    assert (one.credential_version, words(one.text)[0]) == (1, "watering")
