"""Errors in responses with status 200: they have the effects of the same errors with their status."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.clients.llm.chat import ChatModel
from app.clients.llm.embeddings_api import EmbeddingModel
from app.domain.errors import JobError, PermanentError, TransientError
from app.domain.essay.prompt import build_prompt
from app.domain.essay.visible_text import visible_text
from tests.bank import ESSAY, essay
from tests.fakes.endpoints import refusing
from tests.fakes.model_server import ModelServer, model_server
from tests.fakes.provider_faults import raw_body

_LONG = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
_RATE = "Rate limit reached for requests. You can increase it under https://platform.openai.com/account/billing."
_QUOTA = "You exceeded your current quota, please check your plan and billing details."
_FILTER = "The response was filtered due to the prompt triggering our content management policy."


@pytest.fixture
async def provider() -> AsyncIterator[ModelServer]:
    async with model_server() as server:
        yield server


async def error_of(provider: ModelServer, body: Any) -> JobError | None:
    provider.script.append(raw_body(json.dumps(body).encode()))
    model = ChatModel("sk-test", provider.url, "gpt-test", 5)
    try:
        return (await model.ask(build_prompt(essay(), visible_text(ESSAY)))).error
    finally:
        await model.close()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "rate_limit_exceeded", "message": _RATE, "type": "requests"}, "model_rate_limited"),
        ({"code": 429, "message": "Provider returned error"}, "model_rate_limited"),
        ({"code": None, "message": _RATE}, "model_rate_limited"),
        (
            {"status": "RESOURCE_EXHAUSTED", "message": "Resource has been exhausted (check quota)."},
            "model_rate_limited",
        ),
        ({"code": "insufficient_quota", "message": _QUOTA}, "model_quota_spent"),
        ({"code": 429, "message": _QUOTA}, "model_quota_spent"),
        ("Insufficient credits", "model_quota_spent"),
        ({"code": "invalid_api_key", "message": "Incorrect API key provided."}, "model_refused_request"),
        ({"message": "Incorrect API key provided.", "type": "invalid_request_error"}, "model_refused_request"),
        ({"code": "context_length_exceeded", "message": _LONG}, "model_refused_request"),
        ({"message": _LONG}, "model_refused_request"),
        ({"code": "content_filter", "message": _FILTER}, "model_refused_request"),
        ({"message": _FILTER, "type": None}, "model_refused_request"),
        ({"code": "model_not_found", "message": "The model `gpt-test` does not exist"}, "model_refused_request"),
        ({"code": 503, "message": "No instances"}, "model_unavailable"),
        ({"code": "DeploymentNotFound", "message": "The API deployment does not exist."}, "model_refused_request"),
        ({"message": "model: m-1", "type": "not_found_error"}, "model_refused_request"),
        ({"code": "InsufficientQuota", "message": "Raise it."}, "model_quota_spent"),
        ({"code": 402, "message": "This requires more credits, or fewer max_tokens."}, "model_quota_spent"),
        ({"code": "400", "message": "Budget has been exceeded! Current cost: 2", "type": "x"}, "model_quota_spent"),
        ({"code": "invalid_request_error", "message": "Insufficient Balance"}, "model_quota_spent"),
        ({"message": "Your credit balance is too low.", "type": "invalid_request_error"}, "model_quota_spent"),
        ({"message": f"{_QUOTA} Please retry in 34s.", "code": 429}, "model_rate_limited"),
        ({"message": "No deployments available, try again in 60 seconds", "code": "429"}, "model_rate_limited"),
        ({"message": "Provider returned error", "metadata": {"raw": "rate-limited"}}, "model_rate_limited"),
        ("server busy, please try again. maximum pending requests exceeded", "model_unavailable"),
        ({"message": "Overloaded", "type": "overloaded_error"}, "model_unavailable"),
        ({"message": "Something else"}, "model_unavailable"),
        ([7], "model_unavailable"),
    ],
)
async def test_an_error_is_classified_by_what_it_says(provider: ModelServer, error: Any, code: str) -> None:
    transient = code in ("model_rate_limited", "model_unavailable")
    job_error = await error_of(provider, {"error": error})
    assert job_error is not None
    assert (job_error.code, type(job_error)) == (code, TransientError if transient else PermanentError)


@pytest.mark.parametrize(
    "body",
    [
        {"object": "error", "message": "Too many requests", "type": "too_many_requests", "code": 42901},
        {"choices": [{"error": {"code": 429, "message": "slow down"}, "finish_reason": "error", "message": {}}]},
        {"choices": [], "error": {"code": "429"}},
        {"statusCode": 429, "message": "Try later."},
        {"message": "Requests rate limit exceeded"},
        {"errors": [{"message": "Too Many Requests"}]},
        {"success": False, "errors": [{"code": 1, "message": "throttled"}], "result": None},
        {"detail": "Too many requests"},
        {"error": True, "message": "Rate limit exceeded"},
        [{"error": {"code": 429, "message": "Exhausted", "status": "RESOURCE_EXHAUSTED"}}],
    ],
)
async def test_other_places_of_an_error(provider: ModelServer, body: Any) -> None:
    job_error = await error_of(provider, body)
    assert job_error is not None
    assert job_error.code == "model_rate_limited"


async def test_no_error_is_none(provider: ModelServer) -> None:
    message = {"content": "{}"}
    body = {"choices": [{"message": message, "finish_reason": "stop", "error": None}], "error": None}
    assert await error_of(provider, body) is None


@pytest.mark.parametrize(
    ("status", "message"),
    [(402, "Pay."), (429, _QUOTA), (403, "Key limit exceeded (total limit)."), (400, "Budget has been exceeded!")],
)
async def test_a_spent_quota_is_known_by_status_or_words(provider: ModelServer, status: int, message: str) -> None:
    provider.default = refusing(lambda _: (status, {"error": {"message": message, "code": status}}))
    model = ChatModel("sk-test", provider.url, "gpt-test", 5)
    reply = await model.ask(build_prompt(essay(), visible_text(ESSAY)))
    await model.close()
    assert (reply.outcome, reply.provider_message) == ("model_quota_spent", message)
    assert len(provider.requests) == 1


async def test_errors_of_embeddings(provider: ModelServer) -> None:
    provider.embedding_default = raw_body(b'{"error": {"code": "insufficient_quota"}}')
    model = EmbeddingModel("sk-test", provider.url, "text-embedding-3-small", 5)
    try:
        error = (await model.ask(["Water rises."], 3)).error
    finally:
        await model.close()
    assert error is not None
    assert error.code == "model_quota_spent"
