"""Which passage of a credential a recommendation quotes."""

from collections.abc import Sequence
from uuid import uuid4

import pytest

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.recommendation.query import MAX_CANDIDATES, QueryPart, RetrievalQuery
from app.domain.text import words
from app.repositories import credentials
from app.repositories.sql import Pool
from app.services.recommendations import embed_credentials, search
from tests.bank import credential

_OPENING = "Everything about gardens in one long and thorough introduction that leaves no season out. " * 3
_ADMINISTRATION = "Soil scientists may join at any time, whoever pays by May gets a discount of ten per cent. " * 3
_WATER = "Watering is planned by plant and season, and irrigation is measured with buckets and clocks on a slope. " * 3
_DESCRIPTION = f"{_OPENING}{_ADMINISTRATION}{_WATER}"


def asking(*texts: str) -> RetrievalQuery:
    """The query of a student with these gaps."""
    parts = tuple(QueryPart(text, 1.0) for text in texts)
    return RetrievalQuery(full_text_parts=parts, vector_parts=parts, gaps=texts)


async def quoted_passage(
    pool: Pool, embedder: OfflineEmbedder, query: RetrievalQuery, skills: Sequence[str]
) -> tuple[str, float | None]:
    """The first word of the quoted passage, and its similarity."""
    body = credential("Gardens", "soil", _DESCRIPTION).model_copy(update={"skills": tuple(skills)})
    async with pool.acquire() as conn:
        await credentials.create(conn, uuid4(), body)
    while await embed_credentials.embed_passages(pool, embedder):
        pass
    results = await search.search_both(pool, embedder, query)
    candidates = results.vector
    assert len(candidates) == 3 <= MAX_CANDIDATES
    (quoted,) = await search.with_evidence(pool, embedder.name, query, candidates[:1], results.query_vector)
    passage = next(passage for passage in candidates if passage.passage_id == quoted.passage_id)
    assert quoted.text in passage.text and quoted.similarity == passage.similarity
    return words(quoted.text)[0], quoted.similarity


@pytest.mark.parametrize(
    ("gaps", "skills", "first"),
    [
        (("irrigation",), ("soil", "irrigation"), "watering"),
        # "Irrigate" and "irrigation" have one stem.
        (("irrigate",), ("irrigate",), "watering"),
        (("soil",), ("soil", "irrigation"), "soil"),
        (("season",), ("season",), "everything"),
        # The credential does not have the skill of the gap, so the reason does not name it.
        (("irrigation",), ("mulching",), "everything"),
        # The skill is in title and skills alone: no passage mentions it.
        (("mulching",), ("mulching",), "everything"),
    ],
)
async def test_the_quoted_passage_mentions_most_skills_of_the_reason_or_else_is_the_first(
    pool: Pool, embedder: OfflineEmbedder, gaps: tuple[str, ...], skills: tuple[str, ...], first: str
) -> None:
    quote, similarity = await quoted_passage(pool, embedder, asking(*gaps), skills)
    assert quote == first and similarity is not None


async def test_without_vectors_it_has_no_similarity(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await credentials.create(conn, uuid4(), credential("Gardens", "irrigation", _DESCRIPTION))
    query = asking("irrigation")
    (candidate, *_) = await search.search_full_text(pool, query)
    (quoted,) = await search.with_evidence(pool, "any", query, [candidate], None)
    assert (words(quoted.text)[0], quoted.similarity) == ("watering", None)


async def test_it_is_of_the_version_that_the_search_returned(pool: Pool) -> None:
    credential_id = uuid4()
    async with pool.acquire() as conn:
        await credentials.create(conn, credential_id, credential("Gardens", "irrigation", _DESCRIPTION))
        (candidate, *_) = await search.search_full_text(pool, asking("irrigation"))
        await credentials.add_version(conn, credential_id, credential("Gardens", "soil", "Something else."))
    (quoted,) = await search.with_evidence(pool, "any", asking("irrigation"), [candidate], None)
    assert (quoted.credential_version, words(quoted.text)[0]) == (1, "watering")
