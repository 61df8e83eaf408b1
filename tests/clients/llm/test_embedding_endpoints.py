"""Embeddings endpoints that do not accept every parameter or number of texts: what they refuse is left out or halved,
and remembered."""

from collections.abc import AsyncIterator

import pytest

from app.clients.llm.embedder import DIMENSIONS, EmbeddingUnavailable
from app.clients.llm.embeddings_api import EmbeddingModel
from app.clients.llm.endpoint import EndpointOptions
from app.services.recommendations.embedding_calls import PaidEmbedder
from tests.fakes.embedding_answers import vectors
from tests.fakes.endpoints import Refusal, refusing
from tests.fakes.model_server import ModelServer, failure, model_server


@pytest.fixture
async def provider() -> AsyncIterator[ModelServer]:
    async with model_server() as server:
        yield server


async def test_dimensions_that_are_refused_are_not_sent_again(provider: ModelServer) -> None:
    message = "Model does not support matryoshka representation, changing output dimensions will lead to poor results."
    refusal: Refusal = lambda body: (400, {"message": message}) if "dimensions" in body else None  # noqa: E731
    provider.embedding_default = refusing(refusal, vectors())
    model = EmbeddingModel("sk-test", provider.url, "m", 20, options=EndpointOptions(dimensions=DIMENSIONS))
    assert [(await model.ask(["red"], 1)).outcome for _ in range(2)] == ["answered"] * 2
    await model.close()
    assert [body.get("dimensions") for body in provider.embedding_requests] == [DIMENSIONS, None, None]


@pytest.mark.parametrize(
    ("dimensions", "expected"), [(None, DIMENSIONS), (0, None), (512, 512)], ids=["by name", "none", "chosen"]
)
async def test_dimensions_can_be_chosen(provider: ModelServer, dimensions: int | None, expected: int | None) -> None:
    provider.embedding_default = vectors()
    options = EndpointOptions(dimensions=dimensions)
    model = EmbeddingModel("sk-test", provider.url, "text-embedding-3-small", 20, options=options)
    assert (await model.ask(["red"], 1)).outcome == "answered"
    await model.close()
    assert provider.embedding_requests[0].get("dimensions") == expected


TOO_MANY_TEXTS = {
    "TEI": (413, {"error": "batch size 8 > maximum allowed batch size 3", "error_type": "Validation"}),
    "DashScope": (400, {"error": {"message": "batch size is invalid, it should not be larger than 3", "code": None}}),
    "OpenAI": (400, {"error": {"message": "'$.input' is invalid: array is too long, maximum is 3.", "param": None}}),
    "Gemini": (400, [{"error": {"code": 400, "message": "at most 3 requests can be in one batch"}}]),
    "Voyage": (400, {"detail": "Your request contains 8 inputs, the max is 3"}),
    "tokens": (400, {"error": {"message": "Requested 9000 tokens, max 8192 tokens per request"}}),
    "a proxy": (413, "Request Entity Too Large"),
    "no reason": (422, {"detail": "Value error"}),
}  # fmt: skip


@pytest.mark.parametrize("refused", TOO_MANY_TEXTS.values(), ids=TOO_MANY_TEXTS)
async def test_a_batch_that_is_too_large_is_halved(provider: ModelServer, refused: tuple[int, object]) -> None:
    provider.embedding_default = refusing(lambda body: refused if len(body["input"]) > 3 else None, vectors())
    embedder = PaidEmbedder(EmbeddingModel("sk-test", provider.url, "m", 20), None, 20, batch=8)
    texts = [f"text {number}" for number in range(9)]
    assert len(await embedder.embed(texts)) == 9
    sizes = [len(body["input"]) for body in provider.embedding_requests]
    # A refusal without a reason is sent again without parameters first.
    assert sizes in ([8, 4, 2, 2, 2, 2, 1], [8, 8, 4, 4, 2, 2, 2, 2, 1])
    assert len(await embedder.embed(["another", "and another", "a third"])) == 3
    assert [len(body["input"]) for body in provider.embedding_requests[len(sizes) :]] == [2, 1]
    await embedder.close()


@pytest.mark.parametrize("refused", [(401, {"error": "Wrong key"}), (404, {"error": "model 'm' not found"}), (402, "")])
async def test_a_batch_that_is_refused_for_another_reason_is_not_halved(
    provider: ModelServer, refused: tuple[int, object]
) -> None:
    provider.embedding_default = refusing(lambda _: refused)
    embedder = PaidEmbedder(EmbeddingModel("sk-test", provider.url, "m", 20), None, 20, batch=8)
    with pytest.raises(EmbeddingUnavailable):
        await embedder.embed([f"text {number}" for number in range(9)])
    assert [len(body["input"]) for body in provider.embedding_requests] == [8]
    await embedder.close()


async def test_a_smaller_batch_is_kept_only_if_it_is_accepted(provider: ModelServer) -> None:
    provider.embedding_default = refusing(lambda body: (422, {"detail": "No."}))
    now = 0.0
    embedder = PaidEmbedder(EmbeddingModel("sk-test", provider.url, "m", 20), None, 20, batch=4, clock=lambda: now)
    with pytest.raises(EmbeddingUnavailable):
        await embedder.embed(["red", "green", "blue"])
    provider.embedding_default = vectors()
    provider.embedding_requests.clear()
    now = 61.0
    assert len(await embedder.embed(["red", "green", "blue"])) == 3
    assert [len(body["input"]) for body in provider.embedding_requests] == [3]
    await embedder.close()


@pytest.mark.parametrize(
    "message",
    ["litellm.UnsupportedParamsError: x does not support parameters: {'encoding_format': 'float'}", "Not permitted"],
)
async def test_an_encoding_format_that_is_refused_is_left_out(provider: ModelServer, message: str) -> None:
    refusal: Refusal = lambda body: (400, {"message": message}) if "encoding_format" in body else None  # noqa: E731
    provider.embedding_default = refusing(refusal, vectors())
    model = EmbeddingModel("sk-test", provider.url, "m", 20)
    assert [(await model.ask(["red"], 1)).outcome for _ in range(5)] == ["answered"] * 5
    await model.close()
    sent = [body.get("encoding_format") for body in provider.embedding_requests]
    assert sent[:2] == ["float", None] and sent[-2:] == [None, None]


async def test_one_text_that_is_refused_is_an_error(provider: ModelServer) -> None:
    provider.embedding_default = failure(404)
    model = EmbeddingModel("sk-test", provider.url, "m", 20)
    assert (await model.ask(["red"], 1)).outcome == "model_refused_request"
    await model.close()
    assert len(provider.embedding_requests) == 1
