"""One request to an embedding model: what is sent, and how each kind of response is read."""

import json
import math
from collections.abc import AsyncIterator

import pytest

from app.clients.llm.embedder import DIMENSIONS
from app.clients.llm.embeddings_api import EmbeddingModel
from app.domain.errors import PermanentError, TransientError
from tests.fakes.embedding_answers import TOKENS, row, rows, vectors
from tests.fakes.model_server import Behaviour, ModelServer, failure, hang, model_server, reset
from tests.fakes.provider_faults import dripping, raw_body

ONES = [1.0] * DIMENSIONS
TRANSIENT = {
    "server error": (failure(500), "model_unavailable"),
    "too many requests": (failure(429), "model_rate_limited"),
    "reset": (reset(), "model_unreachable"),
    "hangs": (hang(), "model_timeout"),
    "drips": (dripping(), "model_timeout"),
    "garbage": (raw_body(b"\xff\xfe\x00garbage"), "model_answer_unusable"),
    "a web page": (raw_body(b"<html>gateway</html>", "text/html"), "model_answer_unusable"),
    "a list": (raw_body(b"[]"), "model_answer_unusable"),
    "no data": (raw_body(b"{}"), "model_answer_unusable"),
    "strange data": (raw_body(b'{"data": [7]}'), "model_answer_unusable"),
    "nothing": (rows(), "model_answer_unusable"),
    "one too few": (rows(ONES), "model_answer_unusable"),
    "one too many": (rows(ONES, ONES, ONES), "model_answer_unusable"),
    "zeros": (rows(ONES, [0.0] * DIMENSIONS), "model_answer_unusable"),
    "texts": (rows(ONES, ["1"] * DIMENSIONS), "model_answer_unusable"),
    "endless": (rows(ONES, [1e999] * DIMENSIONS), "model_answer_unusable"),
    "not a number": (rows(ONES, [math.nan] * DIMENSIONS), "model_answer_unusable"),
}
PERMANENT = {
    "another length": (vectors(1536), "embedding_length_wrong"),
    "one of another length": (rows(ONES, [1.0]), "embedding_length_wrong"),
    "key": (failure(401, "invalid_api_key"), "model_refused_request"),
    "no embeddings": (failure(501), "model_refused_request"),
    "unknown model": (failure(404), "model_refused_request"),
    "quota": (failure(429, "insufficient_quota"), "model_quota_spent"),
}


@pytest.fixture
async def provider() -> AsyncIterator[ModelServer]:
    async with model_server() as server:
        server.embedding_default = vectors()
        yield server


def open_model(provider: ModelServer, name: str = "text-embedding-3-small", seconds: float = 20) -> EmbeddingModel:
    return EmbeddingModel("sk-test", provider.url, name, seconds)


async def test_each_text_has_a_vector_of_length_1_in_order(provider: ModelServer) -> None:
    model = open_model(provider)
    reply = await model.ask(["red rose", "blue violet"], 4)
    await model.close()
    assert (reply.outcome, reply.error, reply.tokens_in) == ("answered", None, 2 * TOKENS)
    for vector, text in zip(reply.vectors, ("red rose", "blue violet"), strict=True):
        numbers = row(text)
        assert vector == pytest.approx([number / math.hypot(*numbers) for number in numbers])
    body = {"model": model.name, "input": ["red rose", "blue violet"], "encoding_format": "float"}
    assert provider.embedding_requests == [body | {"dimensions": DIMENSIONS}]


async def test_vectors_without_a_place_are_in_the_texts_order(provider: ModelServer) -> None:
    data = [{"embedding": row(text)} for text in ("red rose", "blue violet")]
    provider.embedding_default = raw_body(json.dumps({"data": data}).encode())
    model = open_model(provider)
    reply = await model.ask(["red rose", "blue violet"], 4)
    await model.close()
    numbers = row("red rose")
    assert reply.vectors[0] == pytest.approx([number / math.hypot(*numbers) for number in numbers])


async def test_dimensions_are_requested_only_of_models_with_variable_length(provider: ModelServer) -> None:
    model = open_model(provider, "all-MiniLM-L6-v2")
    assert (await model.ask(["red rose"], 4)).error is None
    await model.close()
    assert "dimensions" not in provider.embedding_requests[0]


async def test_numbers_that_are_too_large_to_square_are_normalized(provider: ModelServer) -> None:
    provider.embedding_default = rows([1e200] * DIMENSIONS)
    model = open_model(provider)
    (vector,) = (await model.ask(["red rose"], 4)).vectors
    await model.close()
    assert math.hypot(*vector) == pytest.approx(1)


@pytest.mark.parametrize(("behaviour", "code"), TRANSIENT.values(), ids=TRANSIENT)
async def test_transient_errors(provider: ModelServer, behaviour: Behaviour, code: str) -> None:
    provider.embedding_default = behaviour
    model = open_model(provider, seconds=0.3 if code == "model_timeout" else 20)
    reply = await model.ask(["red rose", "blue violet"], 4)
    await model.close()
    assert (reply.outcome, reply.vectors) == (code, ())
    assert isinstance(reply.error, TransientError) and reply.error.code == code


@pytest.mark.parametrize(("behaviour", "code"), PERMANENT.values(), ids=PERMANENT)
async def test_permanent_errors(provider: ModelServer, behaviour: Behaviour, code: str) -> None:
    provider.embedding_default = behaviour
    model = open_model(provider)
    reply = await model.ask(["red rose", "blue violet"], 4)
    await model.close()
    assert (reply.outcome, reply.vectors) == (code, ())
    assert isinstance(reply.error, PermanentError) and reply.error.code == code
    assert code != "embedding_length_wrong" or "numbers, and 384 are needed" in reply.error.detail
