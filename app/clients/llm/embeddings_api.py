"""Vectors of an embedding model behind the OpenAI API, one request at a time. Imported only where one is set up: the
SDK takes half a second and tens of megabytes."""

import math
import re
from collections.abc import Sequence
from typing import Any, cast

import openai
from openai.types import CreateEmbeddingResponse

from app.clients.llm.embedder import DIMENSIONS, Vector
from app.clients.llm.endpoint import OMITTED, FormsOfCall, Parameter
from app.clients.llm.error_meaning import meaning
from app.clients.llm.openai_sdk import OpenAIModel, RawResponse, Request, token_count, unusable_answer
from app.clients.llm.replies import EmbeddingReply, TextsRefused
from app.domain.errors import JobError, PermanentError

# The models whose vectors can be asked for in any length; others refuse a request with one.
_VARIABLE_LENGTH = "text-embedding-3"
_DIMENSIONS = "EMBEDDING_DIMENSIONS"
_DIMENSIONS_WORDS = re.compile("dimension|matryoshka", re.I)
_BAD_REQUEST = 400
# Statuses of a request that may have too many texts.
_TEXTS_REFUSED = frozenset({_BAD_REQUEST, 413, 422})
# No setting: floats are what an endpoint sends where the format is left out.
_ENCODING = "encoding_format"
_ENCODING_WORDS = re.compile("encoding.?format", re.I)
# Makes the SDK return the response with its headers, as `with_raw_response` does.
_RAW_RESPONSE = {"X-Stainless-Raw-Response": "true"}


class EmbeddingModel(OpenAIModel):
    """One embedding model of the endpoint. Its vectors come without states of tokens, which no such model returns."""

    async def ask(self, texts: Sequence[str], tokens: int) -> EmbeddingReply:
        """One request for texts of about so many tokens, none of them empty; failures are part of the reply, so that
        each request can be accounted for.

        Raises:
            TransientError: the gate is closed, so nothing was sent.
        """

        def read(response: CreateEmbeddingResponse) -> EmbeddingReply:
            return _read_reply(response, len(texts), self.name)

        return await self._call(Request(tokens, lambda forms: self._create(texts, forms), read, EmbeddingReply))

    def _parameters(self) -> Sequence[Parameter]:
        by_name = DIMENSIONS if _VARIABLE_LENGTH in self.name else 0
        dimensions = by_name if self._options.dimensions is None else self._options.dimensions
        forms = (str(dimensions), OMITTED) if dimensions else (OMITTED,)
        encodings = Parameter(_ENCODING, _ENCODING_WORDS, ("float", OMITTED))
        return (Parameter(_DIMENSIONS, _DIMENSIONS_WORDS, forms), encodings)

    def _status_error(self, error: openai.APIStatusError) -> JobError:
        job_error = super()._status_error(error)
        permanent = isinstance(job_error, PermanentError) and error.status_code in _TEXTS_REFUSED
        if not permanent or meaning(error.body) not in (None, _BAD_REQUEST):
            return job_error
        return TextsRefused(job_error.code, job_error.detail, provider_message=job_error.provider_message)

    async def _create(self, texts: Sequence[str], forms: FormsOfCall) -> RawResponse[CreateEmbeddingResponse]:
        body: dict[str, Any] = {"model": self.name, "input": list(texts)}
        if forms[_DIMENSIONS] != OMITTED:
            body["dimensions"] = int(forms[_DIMENSIONS])
        if forms[_ENCODING] != OMITTED:
            body["encoding_format"] = forms[_ENCODING]
        # `embeddings.create` of the SDK asks for base64 where no format is given, which not every endpoint knows.
        response: Any = await self._client.post(
            "/embeddings",
            cast_to=CreateEmbeddingResponse,
            body=body,
            options={"headers": {**self._headers, **_RAW_RESPONSE}},
        )
        return cast("RawResponse[CreateEmbeddingResponse]", response)


def _read_reply(response: CreateEmbeddingResponse, count: int, model: str) -> EmbeddingReply:
    tokens = token_count(response.usage, "prompt_tokens")
    places: Any = [getattr(row, "index", None) for row in response.data]
    # Without places they are in the texts' order.
    in_order = places == [None] * count
    rows = response.data if in_order else sorted(response.data, key=lambda row: row.index)
    if not in_order and sorted(places) != list(range(count)):
        return EmbeddingReply(error=unusable_answer("did not have one vector for each text"), tokens_in=tokens)
    wrong_lengths = {len(row.embedding) for row in rows} - {DIMENSIONS}
    if wrong_lengths:
        return EmbeddingReply(error=_wrong_length(model, max(wrong_lengths)), tokens_in=tokens)
    return EmbeddingReply(vectors=tuple(_normalized(row.embedding) for row in rows), tokens_in=tokens)


def _wrong_length(model: str, length: int) -> PermanentError:
    detail = f"{model} gives vectors of {length} numbers, and {DIMENSIONS} are needed; choose another EMBEDDING_MODEL"
    return PermanentError("embedding_length_wrong", detail)


def _normalized(numbers: Sequence[Any]) -> Vector:
    """The vector of length 1 in the same direction. Raises ValueError or TypeError where there is none."""
    length = math.hypot(*numbers)
    if not 0 < length < math.inf:
        raise ValueError("no direction")
    return Vector(number / length for number in numbers)
