"""Vectors from an embedding model behind an API: texts are cut, cached and sent in batches; each request is retried,
recorded, and paid for within the day's budget."""

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

from app.clients.llm.embedder import MAX_TOKENS, Embedder, EmbeddingUnavailable, Vector
from app.clients.llm.replies import EmbeddingReply, TextsRefused
from app.domain.errors import JobError, TransientError
from app.repositories import scores
from app.repositories.scores import ModelCall
from app.services.model_account import ModelAccount

if TYPE_CHECKING:
    from app.clients.llm.embeddings_api import EmbeddingModel

log = structlog.get_logger()

# Texts of one request: far fewer, and with far fewer tokens, than most providers allow.
_BATCH = 96
_TRIES = 3
# Seconds before the second try; doubled and jittered.
_RETRY_SECONDS = 0.5
# Seconds without a request after a permanent error, such as vectors of another length: more requests would cost, and
# only an operator can fix it.
_PAUSE_SECONDS = 60.0
# 6 MB of vectors of recent queries and passages.
_CACHED_TEXTS = 2048
# Recorded as the prompt version of these calls, which have no prompt.
PROMPT_VERSION = "embedding"

# Assessment and run that a query is for.
RunKey = tuple[UUID, int]


class _BatchRefused(Exception):
    """The endpoint may accept fewer texts in a request."""


class PaidEmbedder:
    """An embedder whose vectors come from a model behind an API. About the first 128 tokens of each text are sent."""

    def __init__(
        self,
        model: "EmbeddingModel",
        account: ModelAccount | None,
        retry_window_seconds: float,
        random_fraction: Callable[[], float] = random.random,
        batch: int = _BATCH,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The last try begins at most `retry_window_seconds` after the first. Without an account nothing is
        recorded."""
        self.name = model.name
        self._model = model
        self._account = account
        self._retry_window_seconds = retry_window_seconds
        self._random_fraction = random_fraction
        self._batch = batch
        self._clock = clock
        self._cache: LRUCache[str, array[float]] = LRUCache(_CACHED_TEXTS)
        self._paused_until = 0.0
        self._pause_reason = ""
        self._logged_code: str | None = None

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector for each text, in order. Raises `EmbeddingUnavailable`."""
        return await self.embed_for_run(texts, None)

    async def embed_for_run(self, texts: Sequence[str], run: RunKey | None) -> list[Vector]:
        """The same, recorded for an assessment's run. Raises `EmbeddingUnavailable`."""
        cut = [cut_to_limit(text) for text in texts]
        known = {text: self._cache[text] for text in cut if text in self._cache}
        missing = [text for text in dict.fromkeys(cut) if text not in known]
        size = self._batch
        while missing:
            batch = missing[:size]
            try:
                vectors = await self._request(batch, run)
            except _BatchRefused:
                size = len(batch) // 2
                continue
            missing = missing[size:]
            # Kept once it was accepted: the refusal may have had another reason.
            self._batch = min(self._batch, size)
            known |= {text: array("d", vector) for text, vector in zip(batch, vectors, strict=True)}
        for text, vector in known.items():
            self._cache[text] = vector
        return [Vector(known[text]) for text in cut]

    async def close(self) -> None:
        """Closes the connections."""
        await self._model.close()

    async def _request(self, texts: Sequence[str], run: RunKey | None) -> Sequence[Vector]:
        """The vectors, after as many tries as `retry_window_seconds` allows."""
        deadline = self._clock() + self._retry_window_seconds
        if self._clock() < self._paused_until:
            raise EmbeddingUnavailable(self._pause_reason)
        for attempt in range(_TRIES):
            try:
                vectors = await self._try(texts, run)
            except TransientError as error:
                wait = max(error.retry_after or 0.0, _RETRY_SECONDS * 2**attempt * (0.5 + self._random_fraction()))
                if attempt == _TRIES - 1 or self._clock() + wait > deadline:
                    raise self._unavailable(error, wait) from None
                await asyncio.sleep(wait)
            except JobError as error:
                if len(texts) > 1 and isinstance(error, TextsRefused):
                    raise _BatchRefused from None
                self._paused_until = self._clock() + _PAUSE_SECONDS
                self._pause_reason = error.detail
                raise self._unavailable(error) from None
            else:
                self._log_available()
                return vectors
        raise AssertionError("the last try returns or raises")

    async def _try(self, texts: Sequence[str], run: RunKey | None) -> Sequence[Vector]:
        """One request, recorded and paid for. Raises `JobError`."""
        tokens = sum(map(_tokens, texts))
        if self._account is None:
            reply = await self._model.ask(texts, tokens)
        else:
            reply = await self._call_and_record(self._account, texts, tokens, run)
        if reply.error:
            raise reply.error
        return reply.vectors

    async def _call_and_record(
        self, account: ModelAccount, texts: Sequence[str], tokens: int, run: RunKey | None
    ) -> EmbeddingReply:
        reply, dollars = await account.call_within_budget(lambda: self._model.ask(texts, tokens), tokens)
        await scores.record_model_call(account.pool, self._model_call(reply, dollars, run))
        return reply

    def _model_call(self, reply: EmbeddingReply, dollars: float | None, run: RunKey | None) -> ModelCall:
        assessment_id, run_number = run or (None, None)
        return ModelCall(
            assessment_id=assessment_id,
            run=run_number,
            question_id=None,
            fingerprint=None,
            provider=self._model.provider,
            model=self._model.name,
            prompt_version=PROMPT_VERSION,
            outcome=reply.outcome,
            latency_ms=reply.latency_ms,
            tokens_in=reply.tokens_in,
            cost_usd=dollars,
            provider_message=reply.provider_message,
        )

    def _unavailable(self, error: JobError, wait: float | None = None) -> EmbeddingUnavailable:
        """The error to raise; it is logged once, and again only for another reason."""
        if error.code != self._logged_code:
            log.warning(
                "embeddings_unavailable",
                model=self.name,
                code=error.code,
                detail=error.detail,
                provider_message=error.provider_message,
            )
            self._logged_code = error.code
        return EmbeddingUnavailable(error.detail, wait)

    def _log_available(self) -> None:
        if self._logged_code is not None:
            log.info("embeddings_available_again", model=self.name)
            self._logged_code = None


@dataclass(frozen=True)
class _EmbedderForRun:
    """A paid embedder whose calls are recorded for a run."""

    embedder: PaidEmbedder
    run: RunKey

    @property
    def name(self) -> str:
        return self.embedder.name

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return await self.embedder.embed_for_run(texts, self.run)

    async def close(self) -> None:
        """Does nothing: the embedder is shared."""


def for_run(embedder: Embedder, assessment_id: UUID, run: int) -> Embedder:
    """The embedder with its calls recorded for an assessment's run; an embedder that costs nothing as it is."""
    return _EmbedderForRun(embedder, (assessment_id, run)) if isinstance(embedder, PaidEmbedder) else embedder


def cut_to_limit(text: str) -> str:
    """As much of the text as 128 tokens hold; never an empty text, which providers refuse. The tokenizer is not known
    here: a token of English has more than three characters, and of other characters no byte is more than one token."""
    encodable = text.encode(errors="replace").decode()
    ends = accumulate(map(_thirds_of_token, encodable))
    return encodable[: sum(1 for _ in takewhile(lambda end: end <= 3 * MAX_TOKENS, ends))] or "."


def _thirds_of_token(character: str) -> int:
    return 1 if character.isascii() else 3 * len(character.encode())


def _tokens(text: str) -> int:
    return 1 + sum(map(_thirds_of_token, text)) // 3
