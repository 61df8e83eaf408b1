"""The passage that a recommendation quotes is the one that speaks for it."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import pytest

from app.clients.embeddings import OfflineEmbedder
from app.domain.retrieval import CANDIDATES, Part, RetrievalQuery
from app.domain.text import words
from app.repositories import credentials
from app.repositories.sql import Pool
from app.services import rescue, search
from tests.bank import credential

_OPENING = "Everything about gardens in one long and thorough introduction that leaves no season out. " * 3
_ADMINISTRATION = "Soil scientists may join without an exam, whoever pays by May gets a discount of ten per cent. " * 3
_WATER = "Watering is planned by plant and season, and irrigation is measured with buckets and clocks on a slope. " * 3
_DESCRIPTION = f"{_OPENING}{_ADMINISTRATION}{_WATER}"


def asking(*texts: str) -> RetrievalQuery:
    """A query for these words, the first of which counts most."""
    parts = tuple(Part(f'"{text}"', 1 / place) for place, text in enumerate(texts, start=1))
    return RetrievalQuery(words=parts, meanings=tuple(replace(part, text=part.text) for part in parts), gaps=())


async def quoted(
    pool: Pool, embedder: OfflineEmbedder, query: RetrievalQuery, skills: Sequence[str]
) -> tuple[str, float | None]:
    """The first words of the passage that is quoted, and its similarity."""
    body = credential("Gardens", "soil", _DESCRIPTION).model_copy(update={"skills": tuple(skills)})
    async with pool.acquire() as conn:
        await credentials.create(conn, uuid4(), body)
    while await rescue.embed_passages(pool, embedder):
        pass
    searched = await search.both_ways(pool, embedder, query)
    found = searched.by_meaning
    assert len(found) == 3 <= CANDIDATES
    (one,) = await search.evidence(pool, embedder.name, query, found[:1], searched.vector)
    assert one == next(other for other in found if other.passage_id == one.passage_id)
    return words(one.text)[0], one.similarity


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (("irrigation",), "watering"),
        # Irrigate, irrigation: one stem.
        (("irrigate", "soil"), "watering"),
        (("soil", "irrigation"), "soil"),
        (("discounts",), "soil"),
        # In title and skills alone: no passage says more of it than the others.
        (("gardens", "mulching"), "everything"),
        (("philately",), "everything"),
    ],
)
async def test_it_has_most_of_what_was_looked_for_in_its_own_words(
    pool: Pool, embedder: OfflineEmbedder, texts: tuple[str, ...], first: str
) -> None:
    quote, similarity = await quoted(pool, embedder, asking(*texts), ["mulching"])
    assert quote == first and similarity is not None


async def test_without_vectors_its_similarity_is_not_known(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await credentials.create(conn, uuid4(), credential("Gardens", "soil", _DESCRIPTION))
    query = asking("irrigation")
    (found, *_) = await search.by_words(pool, query)
    (one,) = await search.evidence(pool, "any", query, [found], None)
    assert (words(one.text)[0], one.similarity) == ("watering", None)


async def test_it_is_of_the_version_that_was_found(pool: Pool) -> None:
    credential_id = uuid4()
    async with pool.acquire() as conn:
        await credentials.create(conn, credential_id, credential("Gardens", "soil", _DESCRIPTION))
        (found, *_) = await search.by_words(pool, asking("irrigation"))
        await credentials.add_version(conn, credential_id, credential("Gardens", "soil", "Something else."))
    (one,) = await search.evidence(pool, "any", asking("irrigation"), [found], None)
    assert (one.credential_version, words(one.text)[0]) == (1, "watering")
