"""Buying vectors from an embedding model: cut, remembered, asked for in batches, within the day's budget, and accounted
for request by request."""

import asyncio
import random
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from cachetools import LRUCache

from app.clients.llm.embeddings_local import MAX_TOKENS, Embedder, EmbeddingUnavailable, Vector
from app.clients.llm.replies import EmbeddingReply
from app.domain.errors import JobError, TransientError
from app.repositories import scores
from app.repositories.scores import ModelCall
from app.services.model_account import ModelAccount

if TYPE_CHECKING:
    from app.clients.llm.embeddings_api import EmbeddingModel

log = structlog.get_logger()

# Texts of one request, far below what providers allow in number and in tokens.
_BATCH = 96
_TRIES = 3
# Seconds before the second try; doubled, jittered.
_DELAY = 0.5
# Seconds without a question after one that cannot be answered, such as to a model whose vectors have another length:
# asking on would cost, and only an operator can mend it.
_REST = 60.0
# 6 MB of vectors: queries and passages that come again.
_CACHED_TEXTS = 2048
# Stands in the place of a prompt's version, so that these calls are told apart from others.
PROMPT_VERSION = "embedding"

# Assessment and run that a query is for.
Place = tuple[UUID, int]


class BoughtEmbedder:
    """An embedder whose vectors a model behind an API makes. Of each text about the first 128 tokens are sent."""

    def __init__(
        self,
        model: "EmbeddingModel",
        account: ModelAccount | None,
        patience: float,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Another try begins within `patience` seconds. Without an account nothing is put down."""
        self.name = model.name
        self._model = model
        self._account = account
        self._patience = patience
        self._chance = chance
        self._cache: LRUCache[str, array[float]] = LRUCache(_CACHED_TEXTS)
        self._rest: tuple[float, str] = (0.0, "")
        self._told: str | None = None

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector for each text, in order. Raises `EmbeddingUnavailable`."""
        return await self.embed_for(texts, None)

    async def embed_for(self, texts: Sequence[str], place: Place | None) -> list[Vector]:
        """The same, put down to an assessment's run. Raises `EmbeddingUnavailable`."""
        cut = [cut_to_limit(text) for text in texts]
        found = {text: self._cache[text] for text in cut if text in self._cache}
        missing = [text for text in dict.fromkeys(cut) if text not in found]
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            vectors = await self._insist(batch, place)
            found |= {text: array("d", vector) for text, vector in zip(batch, vectors, strict=True)}
        for text, vector in found.items():
            self._cache[text] = vector
        return [Vector(found[text]) for text in cut]

    async def close(self) -> None:
        """Closes the connections."""
        await self._model.close()

    async def _insist(self, texts: Sequence[str], place: Place | None) -> Sequence[Vector]:
        """The vectors, out of as many tries as patience allows."""
        deadline = time.monotonic() + self._patience
        if time.monotonic() < self._rest[0]:
            raise EmbeddingUnavailable(self._rest[1])
        for attempt in range(_TRIES):
            try:
                vectors = await self._buy(texts, place)
            except TransientError as trouble:
                wait = max(trouble.retry_after or 0.0, _DELAY * 2**attempt * (0.5 + self._chance()))
                if attempt == _TRIES - 1 or time.monotonic() + wait > deadline:
                    raise self._away(trouble, wait) from None
                await asyncio.sleep(wait)
            except JobError as trouble:
                self._rest = (time.monotonic() + _REST, trouble.detail)
                raise self._away(trouble) from None
            else:
                self._back()
                return vectors
        raise AssertionError("the last try returns or raises")

    async def _buy(self, texts: Sequence[str], place: Place | None) -> Sequence[Vector]:
        """One request, accounted for. Raises Trouble."""
        tokens = sum(map(_tokens, texts))
        if self._account is None:
            reply = await self._model.ask(texts, tokens)
        else:
            reply = await self._pay(self._account, texts, tokens, place)
        if reply.error:
            raise reply.error
        return reply.vectors

    async def _pay(
        self, account: ModelAccount, texts: Sequence[str], tokens: int, place: Place | None
    ) -> EmbeddingReply:
        reply, dollars = await account.pay(lambda: self._model.ask(texts, tokens), tokens)
        await scores.record_model_call(account.pool, self._call(reply, dollars, place))
        return reply

    def _call(self, reply: EmbeddingReply, dollars: float | None, place: Place | None) -> ModelCall:
        assessment_id, run = place or (None, None)
        return ModelCall(
            assessment_id=assessment_id,
            run=run,
            question_id=None,
            fingerprint=None,
            provider=self._model.provider,
            model=self._model.name,
            prompt_version=PROMPT_VERSION,
            outcome=reply.outcome,
            latency_ms=reply.latency_ms,
            tokens_in=reply.tokens_in,
            cost_usd=dollars,
        )

    def _away(self, trouble: JobError, wait: float | None = None) -> EmbeddingUnavailable:
        """Says it once, and again only when the reason is another."""
        if trouble.code != self._told:
            log.warning("embeddings_away", model=self.name, code=trouble.code, detail=trouble.detail)
            self._told = trouble.code
        return EmbeddingUnavailable(trouble.detail, wait)

    def _back(self) -> None:
        if self._told is not None:
            log.info("embeddings_back", model=self.name)
            self._told = None


@dataclass(frozen=True)
class _ForRun:
    """The same embedder, on an assessment's account."""

    bought: BoughtEmbedder
    place: Place

    @property
    def name(self) -> str:
        return self.bought.name

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return await self.bought.embed_for(texts, self.place)

    async def close(self) -> None:
        """It is not this one's to close."""


def on_account_of(embedder: Embedder, assessment_id: UUID, run: int) -> Embedder:
    """The embedder with what it costs put down to an assessment's run, where it costs something."""
    return _ForRun(embedder, (assessment_id, run)) if isinstance(embedder, BoughtEmbedder) else embedder


def cut_to_limit(text: str) -> str:
    """As much of the text as 128 tokens hold, and never nothing, which no provider takes. Only a model's maker knows
    how it cuts words; a token of English has more than three characters, and of other characters no byte is more than
    one token."""
    sound = text.encode(errors="replace").decode()
    ends = accumulate(map(_thirds, sound))
    return sound[: sum(1 for _ in takewhile(lambda end: end <= 3 * MAX_TOKENS, ends))] or "."


def _thirds(character: str) -> int:
    return 1 if character.isascii() else 3 * len(character.encode())


def _tokens(text: str) -> int:
    return 1 + sum(map(_thirds, text)) // 3
