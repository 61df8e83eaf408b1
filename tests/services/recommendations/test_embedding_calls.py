"""Vectors from an API: as few requests as possible, retries within a time limit, and the budget."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from app.clients.llm.embedder import EmbeddingUnavailable
from app.clients.llm.embeddings_api import EmbeddingModel
from app.clients.llm.gate import ModelGate
from app.clients.redis import job_queue
from app.domain.errors import TransientError
from app.repositories import scores
from app.repositories.sql import Pool
from app.services.model_account import ModelAccount, TokenPrice
from app.services.recommendations.embedding_calls import PaidEmbedder, for_run
from tests.bank import create_bank
from tests.fakes.embedding_answers import TOKENS, vectors
from tests.fakes.model_server import ModelServer, failure
from tests.job_runner import submit

NAME = "text-embedding-3-small"
CALLS = (
    "SELECT assessment_id, run, question_id, provider, model, outcome, tokens_in, cost_usd FROM model_calls ORDER BY id"
)
Open = Callable[..., PaidEmbedder]


@pytest.fixture
async def make_embedder(provider: ModelServer) -> AsyncIterator[Open]:
    """Embedders that use the provider, which answers with vectors."""
    provider.embedding_default = vectors()
    opened: list[PaidEmbedder] = []

    def make(account: ModelAccount | None = None, patience: float = 20) -> PaidEmbedder:
        model = EmbeddingModel("sk-secret", provider.url, NAME, 20)
        opened.append(PaidEmbedder(model, account, patience, random_fraction=lambda: 0.0))
        return opened[-1]

    yield make
    for embedder in opened:
        await embedder.close()


def inputs(provider: ModelServer) -> list[list[str]]:
    return [request["input"] for request in provider.embedding_requests]


async def test_vectors_are_cached(make_embedder: Open, provider: ModelServer) -> None:
    embedder = make_embedder()
    red, blue, again = await embedder.embed(["red", "blue", "red"])
    assert red == again != blue
    assert await embedder.embed(["blue", "red"]) == [blue, red]
    assert (await embedder.embed(["red", "green"]))[0] == red
    assert inputs(provider) == [["red", "blue"], ["green"]]


async def test_many_texts_are_cut_and_sent_in_batches(make_embedder: Open, provider: ModelServer) -> None:
    texts = [f"{number} {'word ' * 1000}" for number in range(200)]
    embedded = await make_embedder().embed(texts)
    assert [len(batch) for batch in inputs(provider)] == [96, 96, 8]
    sent = [text for batch in inputs(provider) for text in batch]
    assert sent == [text[:384] for text in texts]
    assert embedded == await make_embedder().embed(sent)


async def test_a_retry_waits_as_long_as_the_provider_asks_for(make_embedder: Open, provider: ModelServer) -> None:
    times = []

    def timed(behaviour: Callable[..., Awaitable[web.StreamResponse]]) -> Any:
        async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
            times.append(time.monotonic())
            return await behaviour(request, body)

        return behave

    limited = failure(429, headers={"Retry-After": "1"})
    provider.embedding_script.extend([timed(limited), timed(failure(500)), timed(vectors())])
    assert len(await make_embedder().embed(["red"])) == 1
    # The fake may measure less than the wait, by what a request takes.
    assert times[1] - times[0] > 0.9 and len(times) == 3


async def test_there_are_three_tries_at_most(make_embedder: Open, provider: ModelServer) -> None:
    provider.embedding_default = failure(500)
    with pytest.raises(EmbeddingUnavailable, match="not available"):
        await make_embedder().embed(["red"])
    assert len(inputs(provider)) == 3


async def test_no_retry_begins_after_the_time_limit(make_embedder: Open, provider: ModelServer) -> None:
    provider.embedding_default = failure(429, headers={"Retry-After": "600"})
    embedder = make_embedder()
    for _ in range(2):
        with pytest.raises(EmbeddingUnavailable, match="too often"):
            await embedder.embed(["red"])
    assert len(inputs(provider)) == 2


async def test_a_model_with_vectors_of_another_length_is_logged_once_and_not_asked_again(
    make_embedder: Open, provider: ModelServer
) -> None:
    provider.embedding_default = vectors(1536)
    embedder = make_embedder()
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(EmbeddingUnavailable, match="1536 numbers, and 384 are needed"):
                await embedder.embed(["red"])
    assert len(inputs(provider)) == 1
    assert [(line["event"], line["code"]) for line in logs] == [("embeddings_unavailable", "embedding_length_wrong")]
    assert NAME in logs[0]["detail"] and "sk-secret" not in str(logs)


async def test_failure_and_recovery_are_logged_once(make_embedder: Open, provider: ModelServer) -> None:
    embedder = make_embedder(patience=0)
    with capture_logs() as logs:
        provider.embedding_default = failure(500)
        for _ in range(2):
            with pytest.raises(EmbeddingUnavailable):
                await embedder.embed(["red"])
        provider.embedding_default = vectors()
        for text in ("red", "blue"):
            await embedder.embed([text])
    assert [line["event"] for line in logs] == ["embeddings_unavailable", "embeddings_available_again"]


async def test_each_request_is_recorded_with_its_cost(make_embedder: Open, provider: ModelServer, pool: Pool) -> None:
    assessment_id = await submit(pool, await create_bank(pool, with_credentials=False))
    embedder = make_embedder(ModelAccount(pool, TokenPrice(0.02, 0)))
    provider.embedding_script.append(failure(500))
    await for_run(embedder, assessment_id, 1).embed(["red", "blue"])
    await embedder.embed(["green"])
    cost = TOKENS * 0.02 / 1e6
    assert [(*row[:7], float(row[7])) for row in await pool.fetch(CALLS)] == [
        (assessment_id, 1, None, "openai", NAME, "model_unavailable", 0, 0),
        (assessment_id, 1, None, "openai", NAME, "answered", 2 * TOKENS, pytest.approx(2 * cost)),
        (None, None, None, "openai", NAME, "answered", TOKENS, pytest.approx(cost)),
    ]


async def test_without_a_price_there_is_no_cost(make_embedder: Open, pool: Pool) -> None:
    await make_embedder(ModelAccount(pool)).embed(["red"])
    assert [(row["tokens_in"], row["cost_usd"]) for row in await pool.fetch(CALLS)] == [(TOKENS, None)]


async def test_nothing_is_requested_beyond_the_budget(make_embedder: Open, provider: ModelServer, pool: Pool) -> None:
    embedder = make_embedder(ModelAccount(pool, TokenPrice(1e6, 0), budget_usd=15))
    await embedder.embed(["red"])
    assert await scores.spent_today(pool) == TOKENS
    with pytest.raises(EmbeddingUnavailable, match="budget"):
        await embedder.embed(["a longer text about flowers"])
    assert len(inputs(provider)) == 1
    assert await pool.fetchval("SELECT reserved FROM model_budget") == 0


async def test_limits_are_shared_by_all_workers(provider: ModelServer, redis_url: str) -> None:
    provider.embedding_default = failure(429, headers={"Retry-After": "600"})
    clients = [job_queue.connect(redis_url) for _ in range(2)]
    gates = [ModelGate(client, "embeddings", 20) for client in clients]
    first, second = (EmbeddingModel("sk-test", provider.url, NAME, 20, gate) for gate in gates)
    assert (await first.ask(["red"], 1)).outcome == "model_rate_limited"
    with pytest.raises(TransientError) as turned_away:
        await second.ask(["red"], 1)
    assert turned_away.value.retry_after and turned_away.value.retry_after > 500
    assert len(inputs(provider)) == 1
    for model, gate in ((first, gates[0]), (second, gates[1])):
        await model.close()
        await gate.close()
    for client in clients:
        await client.aclose()


def test_an_embedder_that_costs_nothing_is_used_as_it_is(embedder: Any) -> None:
    assert for_run(embedder, UUID(int=1), 1) is embedder
