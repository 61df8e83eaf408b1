"""Embedding calls and their cost, in the trace and in the analytics."""

from typing import Any

import pytest

from app.clients.llm.embeddings_api import EmbeddingModel
from app.repositories.sql import Pool
from app.services.model_account import ModelAccount, TokenPrice
from app.services.recommendations import embed_credentials
from app.services.recommendations.embedding_calls import PaidEmbedder
from tests.api import Api
from tests.bank import SLUG, Bank
from tests.fakes.embedding_answers import TOKENS, vectors
from tests.fakes.model_server import model_server
from tests.job_runner import job_runner, run_due_jobs, submit

NAME = "text-embedding-3-small"


async def read(advisor: Api, path: str) -> dict[str, Any]:
    reply = await advisor.get(path)
    assert reply.status == 200, reply.raw
    figures: dict[str, Any] = reply.body
    return figures


async def test_query_embeddings_are_in_the_trace_and_all_embeddings_in_the_analytics(
    api: Api, pool: Pool, bank: Bank, redis_url: str
) -> None:
    async with model_server() as provider:
        provider.embedding_default = vectors()
        embedder = PaidEmbedder(
            EmbeddingModel("sk-test", provider.url, NAME, 20), ModelAccount(pool, TokenPrice(2, 0)), 20
        )
        assert await embed_credentials.embed_passages(pool, embedder) == 3
        assessment_id = await submit(pool, bank, answers=bank.answers(right="A", text="roses"))
        running = job_runner(pool, redis_url, embedder)
        await run_due_jobs(pool, running)
        await running.job_queue.redis.aclose()
        await embedder.close()
        texts = sum(len(request["input"]) for request in provider.embedding_requests[1:])
    advisor = api.as_("advisor")
    trace = await read(advisor, f"/assessments/{assessment_id}/trace")
    (call,) = trace["model_calls"]
    assert (call["model"], call["question_id"], call["outcome"]) == (NAME, None, "answered")
    assert call["tokens_in"] == trace["tokens"] == texts * TOKENS > 0
    assert trace["cost_usd"] == pytest.approx(texts * TOKENS * 2 / 1e6)
    (overall,) = (await read(advisor, "/analytics/model-calls"))["models"]
    assert (overall["prompt_version"], overall["calls"]) == ("embedding", 2)
    assert overall["tokens_in"] == (3 + texts) * TOKENS
    # Passages of credentials belong to no track.
    (of_track,) = (await read(advisor, f"/analytics/model-calls?track={SLUG}"))["models"]
    assert (of_track["calls"], of_track["tokens_in"]) == (1, texts * TOKENS)
    assert (await read(advisor, "/analytics/overview"))["model_calls"]["calls"] == 2
