"""The checks of `assay doctor` of models, against a provider on loopback with the faults that people meet."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from app.services.checks.check import Check, CheckStatus
from app.settings import load_settings
from app.wiring.checks import run_checks
from tests.fakes.embedding_answers import vectors
from tests.fakes.endpoints import deepseek, refusing
from tests.fakes.model_server import Behaviour, ModelServer, after, failure, hang, model_server, reset, text

KEY = "sk-a-secret-key"
PRICES = {"gpt-5-mini": {"in": 1, "out": 2}}


@pytest.fixture
async def provider() -> AsyncIterator[ModelServer]:
    """A provider whose model scores well."""
    async with model_server() as server:
        yield server


async def model_checks(provider: ModelServer, **settings: Any) -> dict[str, Check]:
    """The outcomes of the checks of models by name."""
    values = {"openai_api_key": KEY, "openai_base_url": provider.url, "openai_timeout": 5} | settings
    return {check.name: check async for check in run_checks(load_settings({}, **values))}


def refusal_that_repeats_the_key(status: int) -> Behaviour:
    """An error of the provider whose text has the key in it, as OpenAI's has."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        message = f"Incorrect API key provided: {request.headers['Authorization']}"
        return web.json_response({"error": {"message": message, "code": "invalid_api_key"}}, status=status)

    return behave


async def test_a_model_that_is_all_right(provider: ModelServer) -> None:
    check = (await model_checks(provider, model_prices=PRICES))["model gpt-5-mini"]
    assert check.status is CheckStatus.OK and "0.00120 dollars" in check.seen
    assert len(provider.requests) == 1


async def test_a_model_without_a_price(provider: ModelServer) -> None:
    check = (await model_checks(provider))["model gpt-5-mini"]
    assert check.status is CheckStatus.WARNING and "MODEL_PRICES" in (check.action or "")


async def test_both_models_are_checked_and_one_failure_does_not_stop_the_others(provider: ModelServer) -> None:
    provider.default = failure(500)
    outcomes = await model_checks(provider, openai_second_model="other", database_url="postgresql://127.0.0.1:1/d")
    assert [name for name, check in outcomes.items() if check.status is CheckStatus.FAILED] == [
        "postgres", "model gpt-5-mini", "model other"
    ]  # fmt: skip
    assert outcomes["embeddings offline"].status is CheckStatus.OK


@pytest.mark.parametrize(
    ("behaviour", "action"),
    [
        (refusal_that_repeats_the_key(401), "OPENAI_API_KEY"),
        (failure(404), "OPENAI_MODEL"),
        (failure(429, "insufficient_quota"), "quota"),
        (failure(429), "limits"),
        (failure(503), "later"),
        (text("Sure! Here are the scores."), "JSON schema"),
        (text('{"score": 5}'), "JSON schema"),
        (text("{", finish_reason="length"), "OPENAI_MAX_TOKENS"),
        (reset(), "OPENAI_BASE_URL"),
    ],
)
async def test_what_a_provider_refuses_says_what_to_do(
    provider: ModelServer, behaviour: Behaviour, action: str
) -> None:
    provider.default = behaviour
    check = (await model_checks(provider))["model gpt-5-mini"]
    assert check.status is CheckStatus.FAILED and action in (check.action or "")
    assert "secret" not in check.seen


async def test_an_endpoint_without_schemas_is_mentioned(provider: ModelServer) -> None:
    provider.default = refusing(deepseek)
    check = (await model_checks(provider, model_prices=PRICES))["model gpt-5-mini"]
    assert check.status is CheckStatus.WARNING and "OPENAI_STRUCTURED_OUTPUT `object`" in (check.action or "")


async def test_a_model_slower_than_its_limit(provider: ModelServer) -> None:
    provider.default = hang()
    check = (await model_checks(provider, openai_timeout=0.2))["model gpt-5-mini"]
    assert check.status is CheckStatus.FAILED and "in time" in check.seen and "OPENAI_TIMEOUT" in (check.action or "")


async def test_no_key_is_a_warning(provider: ModelServer) -> None:
    outcomes = await model_checks(provider, openai_api_key=None, embedding_model="vectors")
    assert outcomes["model"].status is CheckStatus.WARNING
    assert "EMBEDDING_MODEL" in (outcomes["embeddings offline"].action or "")


async def test_an_embedding_model(provider: ModelServer) -> None:
    provider.embedding_default = vectors()
    check = (await model_checks(provider, embedding_model="vectors"))["embeddings vectors"]
    assert check.status is CheckStatus.WARNING and "384" in check.seen and "MODEL_PRICES" in (check.action or "")
    provider.embedding_default = after(1.1, vectors())
    check = (await model_checks(provider, embedding_model="vectors"))["embeddings vectors"]
    assert check.status is CheckStatus.WARNING and "EMBEDDING_BATCH" in (check.action or "")
    provider.embedding_default = vectors(640)
    check = (await model_checks(provider, embedding_model="vectors"))["embeddings vectors"]
    assert check.status is CheckStatus.FAILED and "EMBEDDING_DIMENSIONS" in (check.action or "")
    provider.embedding_default = hang()
    check = (await model_checks(provider, embedding_model="vectors", openai_timeout=0.2))["embeddings vectors"]
    assert check.status is CheckStatus.FAILED and "OPENAI_TIMEOUT" not in (check.action or "")
    provider.embedding_default = failure(404)
    check = (await model_checks(provider, embedding_model="vectors"))["embeddings vectors"]
    assert check.status is CheckStatus.FAILED
