"""Changing the embedding model while workers with both models run: their vectors do not mix, they do not replace each
other's, and no search by meaning covers only a part of the credentials."""

from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from app.clients.llm.embedder import Embedder, EmbeddingUnavailable
from app.clients.llm.embeddings_api import EmbeddingModel
from app.domain.recommendation.query import QueryPart, RetrievalQuery
from app.repositories import credentials, passage_vectors
from app.repositories.sql import Pool
from app.services.recommendations import embed_credentials, search
from app.services.recommendations.embed_credentials import ABANDONED_SECONDS, CredentialEmbedder
from app.services.recommendations.embedding_calls import PaidEmbedder
from tests.bank import credential
from tests.fakes.embedding_answers import vectors
from tests.fakes.model_server import ModelServer, failure

QUERY = RetrievalQuery(
    full_text_parts=(QueryPart('"soil"', 1.0),), vector_parts=(QueryPart("soil and water", 1.0),), gaps=()
)
MODELS = "SELECT split_part(model, ' (', 1) AS name, count(*) FROM passage_vectors GROUP BY name ORDER BY name"
COUNT = 100
Open = Callable[[str], PaidEmbedder]


@pytest.fixture
async def model(provider: ModelServer) -> AsyncIterator[Open]:
    """Embedders with a model of any name at the provider; one try each."""
    provider.embedding_default = vectors()
    opened: list[PaidEmbedder] = []

    def make(name: str) -> PaidEmbedder:
        opened.append(PaidEmbedder(EmbeddingModel("sk-test", provider.url, name, 20), None, retry_window_seconds=0))
        return opened[-1]

    yield make
    for embedder in opened:
        await embedder.close()


@pytest.fixture
async def stored_credentials(pool: Pool) -> None:
    """A hundred credentials with one passage each."""
    async with pool.acquire() as conn:
        for number in range(COUNT):
            await credentials.create(conn, uuid4(), credential(f"Course {number}", "soil", "Soil holds water."))


async def drain(embed: Callable[[], Awaitable[int]]) -> int:
    """Embeds all passages; fails if vectors are replaced endlessly."""
    done = 0
    while count := await embed():
        done += count
        assert done <= COUNT, "vectors are replaced again and again"
    return done


async def count_found(pool: Pool, embedder: Embedder) -> int:
    return len(await search.search_vectors(pool, embedder, QUERY))


async def models(pool: Pool) -> dict[str, int]:
    return {row["name"]: row["count"] for row in await pool.fetch(MODELS)}


@pytest.mark.usefixtures("stored_credentials")
async def test_workers_of_two_models_do_not_replace_each_others_vectors(
    pool: Pool, model: Open, provider: ModelServer
) -> None:
    old, new = CredentialEmbedder(pool, model("old")), CredentialEmbedder(pool, model("new"))
    assert await drain(old.embed) == COUNT
    assert await drain(new.embed) == COUNT
    requests = len(provider.embedding_requests)
    with capture_logs() as logs:
        for _ in range(3):
            assert (await drain(old.embed), await drain(new.embed)) == (0, 0)
    assert await models(pool) == {"new": COUNT}
    assert len(provider.embedding_requests) == requests
    assert [line["event"] for line in logs] == ["embedding_left_to_another_model"]


@pytest.mark.usefixtures("stored_credentials")
async def test_the_worker_that_starts_last_embeds(pool: Pool, model: Open) -> None:
    """Also if that is the former model, after a change that was taken back."""
    old, new = model("old"), model("new")
    assert await drain(CredentialEmbedder(pool, old).embed) == COUNT
    running = CredentialEmbedder(pool, new)
    assert await drain(running.embed) == COUNT
    assert await drain(CredentialEmbedder(pool, old).embed) == COUNT
    assert await drain(running.embed) == 0
    assert await models(pool) == {"old": COUNT}


@pytest.mark.usefixtures("stored_credentials")
async def test_workers_embed_again_when_no_worker_with_the_chosen_model_is_left(pool: Pool, model: Open) -> None:
    """A worker with the old model started after those with the new one, and was stopped then."""
    new, old = CredentialEmbedder(pool, model("new")), CredentialEmbedder(pool, model("old"))
    assert (await drain(new.embed), await drain(old.embed)) == (COUNT, COUNT)
    await pass_time(pool, ABANDONED_SECONDS - 60)
    assert (await drain(new.embed), await drain(old.embed)) == (0, 0)
    await pass_time(pool, ABANDONED_SECONDS - 60)
    assert await drain(new.embed) == 0, "the old one has renewed its choice meanwhile"
    await pass_time(pool, 120)
    assert await drain(new.embed) == COUNT


async def pass_time(pool: Pool, seconds: float) -> None:
    await pool.execute("UPDATE embedding_space SET seen_at = seen_at - make_interval(secs => $1)", seconds)


@pytest.mark.usefixtures("stored_credentials")
async def test_no_search_by_meaning_covers_only_a_part(pool: Pool, model: Open) -> None:
    """At each step of the change: by meaning if nearly all vectors are there, by words otherwise."""
    old, new = model("old"), model("new")
    await drain(CredentialEmbedder(pool, old).embed)
    assert (await count_found(pool, old), await count_found(pool, new)) == (50, 0)
    running, steps = CredentialEmbedder(pool, new), []
    while await running.embed():
        share = await passage_vectors.share_embedded(pool, search.space_name(new))
        steps.append((share, await count_found(pool, old), await count_found(pool, new)))
    assert steps == [(0.32, 0, 0), (0.64, 0, 0), (0.96, 0, 50), (1.0, 0, 50)]
    assert len(await search.search_full_text(pool, QUERY)) == 50


@pytest.mark.usefixtures("stored_credentials")
async def test_the_query_is_not_embedded_if_too_few_passages_are(
    pool: Pool, model: Open, provider: ModelServer
) -> None:
    assert await count_found(pool, model("new")) == 0
    assert provider.embedding_requests == []


@pytest.mark.usefixtures("stored_credentials")
async def test_a_model_that_does_not_work_is_not_chosen(pool: Pool, model: Open, provider: ModelServer) -> None:
    old, new = model("old"), model("new")
    working = CredentialEmbedder(pool, old)
    await drain(working.embed)
    provider.embedding_script.append(failure(404))
    with pytest.raises(EmbeddingUnavailable):
        await CredentialEmbedder(pool, new).embed()
    async with pool.acquire() as conn:
        await credentials.create(conn, uuid4(), credential("One more", "soil", "Soil holds air."))
    assert await working.embed() == 1
    assert await count_found(pool, old) == 50


@pytest.mark.usefixtures("stored_credentials")
async def test_embedding_without_choosing_works_only_in_the_chosen_space(pool: Pool, model: Open) -> None:
    """Like `assay seed`, which may not have the key that workers have."""
    old, new = model("old"), model("new")
    await passage_vectors.set_current_space(pool, search.space_name(old))
    assert await embed_credentials.embed_passages(pool, new) == 0
    assert await drain(lambda: embed_credentials.embed_passages(pool, old)) == COUNT


@pytest.mark.usefixtures("stored_credentials")
async def test_vectors_of_differently_built_texts_are_searched_until_there_are_new_ones(
    pool: Pool, model: Open
) -> None:
    """They are of the same model, and near enough to be compared."""
    old = model("old")
    await drain(CredentialEmbedder(pool, old).embed)
    await pool.execute("UPDATE passage_vectors SET model = 'old (title alone)'")
    assert await passage_vectors.share_embedded(pool, search.space_name(old)) == 1
    assert await count_found(pool, old) == 50
    assert await drain(CredentialEmbedder(pool, old).embed) == COUNT
