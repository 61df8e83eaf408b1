"""Vectors of an embedding model behind the OpenAI API, one request at a time. Imported only where one is set up: the
SDK takes half a second and tens of megabytes."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import openai
from openai._legacy_response import LegacyAPIResponse
from openai.types import CreateEmbeddingResponse

from app.clients.llm.embeddings_local import DIMENSIONS, Vector
from app.clients.llm.gate import ModelGate
from app.clients.llm.openai_sdk import elapsed_ms, hear, open_client, seen_of, unusable
from app.clients.llm.rate_limits import Seen
from app.domain.errors import JobError, PermanentError

# The models that give vectors of any length that they are asked for; others refuse the question.
_SHORTENS = "text-embedding-3"
# No request is that long.
_MOST_TOKENS = 10_000_000


@dataclass(frozen=True)
class EmbeddingReply:
    """What came back of one request: a vector for each text, in order, or the trouble instead of them."""

    outcome: str
    latency_ms: int
    tokens: int = 0
    vectors: tuple[Vector, ...] = ()
    trouble: JobError | None = None


class EmbeddingModel:
    """Asks one model for vectors; they come without the states of tokens, which no such model tells."""

    provider = "openai"

    def __init__(
        self, api_key: str, base_url: str | None, model: str, seconds: float, gate: ModelGate | None = None
    ) -> None:
        """A request takes at most so many seconds; with a `gate` it leaves when that lets it."""
        self.name = model
        self._gate = gate
        self._seconds = seconds
        self._client = open_client(api_key, base_url, seconds)

    async def ask(self, texts: Sequence[str], tokens: int) -> EmbeddingReply:
        """One request for texts of about so many tokens, none of them empty; failures are part of the reply, so that
        each request can be accounted for.

        Raises:
            PassingTrouble: the gate is closed, so nothing was sent.
        """
        if self._gate is None:
            return (await self._ask(texts))[0]
        async with self._gate.call(tokens) as call:
            reply, seen = await self._ask(texts)
            call.saw(seen)
        return reply

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()

    async def _ask(self, texts: Sequence[str]) -> tuple[EmbeddingReply, Seen]:
        started = time.monotonic()
        read, headers = await hear(
            self._create(texts), self._seconds, lambda answer: self._reply(answer, len(texts), elapsed_ms(started))
        )
        reply = _failed(read, started) if isinstance(read, JobError) else read
        return reply, seen_of(reply.trouble, headers)

    async def _create(self, texts: Sequence[str]) -> LegacyAPIResponse[CreateEmbeddingResponse]:
        return await self._client.embeddings.with_raw_response.create(
            model=self.name,
            input=list(texts),
            dimensions=DIMENSIONS if _SHORTENS in self.name else openai.omit,
            # Not every endpoint knows the other form, which would bring numpy into the process.
            encoding_format="float",
        )

    def _reply(self, response: CreateEmbeddingResponse, count: int, latency_ms: int) -> EmbeddingReply:
        tokens = _tokens(response)
        found = sorted(response.data, key=lambda each: each.index)
        lengths = {len(each.embedding) for each in found} - {DIMENSIONS}
        trouble: JobError
        if [each.index for each in found] != list(range(count)):
            trouble = unusable("did not have one vector for each text")
        elif lengths:
            trouble = _wrong_length(self.name, max(lengths))
        else:
            vectors = tuple(_of_length_1(each.embedding) for each in found)
            return EmbeddingReply("answered", latency_ms, tokens, vectors)
        return EmbeddingReply(trouble.code, latency_ms, tokens, trouble=trouble)


def _failed(trouble: JobError, started: float) -> EmbeddingReply:
    return EmbeddingReply(trouble.code, elapsed_ms(started), trouble=trouble)


def _wrong_length(model: str, length: int) -> PermanentError:
    detail = f"{model} gives vectors of {length} numbers, and {DIMENSIONS} are needed; choose another EMBEDDING_MODEL"
    return PermanentError("embedding_length_wrong", detail)


def _of_length_1(row: Sequence[Any]) -> Vector:
    """The same direction. Raises ValueError or TypeError where it has none."""
    length = math.hypot(*row)
    if not 0 < length < math.inf:
        raise ValueError("no direction")
    return Vector(value / length for value in row)


def _tokens(response: CreateEmbeddingResponse) -> int:
    """What the provider says was used; 0 where it says nothing that can be true."""
    told = getattr(response.usage, "prompt_tokens", None)
    return told if isinstance(told, int) and 0 <= told <= _MOST_TOKENS else 0
