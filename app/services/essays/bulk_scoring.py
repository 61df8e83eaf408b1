"""Scores answers outside any assessment as the product would, so that the scores can be compared with people's."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from app.clients.llm.embedder import Embedder, EmbeddingUnavailable
from app.domain.assessment.questions import EssayQuestion
from app.domain.errors import JobError, PermanentError, TransientError
from app.domain.essay.model_answer import read_answer
from app.domain.essay.prompt import build_prompt
from app.domain.essay.score import EssayScore
from app.domain.essay.visible_text import visible_text
from app.domain.job.retry import MAX_DELAY_SECONDS, backoff_seconds
from app.domain.states import ReasonCode
from app.domain.text import is_visible
from app.services.essays.local_estimate import LanguageNotSupported, estimate_locally

if TYPE_CHECKING:
    from app.clients.llm.chat import ChatModel

# After so many in a row it is not the answers that cannot be scored: to go on would cost hours, and perhaps money.
MAX_FAILURES_IN_A_ROW = 20
# Tries that a rate limit ended are not counted, up to this many.
_FREE_TRIES = 6
_RATE_LIMITED = "model_rate_limited"


@dataclass(frozen=True, slots=True)
class ScoringResult:
    """One answer's score, or the error instead. Tokens and `seconds` are those of all tries, without the pauses between
    them."""

    score: EssayScore | None = None
    error: JobError | None = None
    tries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0


class Scorer(Protocol):
    """Scores answers, up to `concurrency` of them at the same time."""

    @property
    def concurrency(self) -> int: ...

    async def score(self, question: EssayQuestion, answer: str) -> ScoringResult:
        """The answer's score or error."""


@dataclass
class ScoringProgress:
    """The results so far, by the answers' positions."""

    results: dict[int, ScoringResult] = field(default_factory=dict)
    failures_in_a_row: int = 0

    @property
    def gave_up(self) -> bool:
        """Whether so many answers in a row failed that no more are scored."""
        return self.failures_in_a_row >= MAX_FAILURES_IN_A_ROW

    def add(self, position: int, result: ScoringResult) -> None:
        """Adds the result of the answer at this position."""
        self.results[position] = result
        if result.tries:
            self.failures_in_a_row = 0 if result.score else self.failures_in_a_row + 1


@dataclass(frozen=True)
class ModelScorer:
    """Scores by the language model, with the product's prompt. Transient errors are tried again: `tries` in all, with
    pauses that begin at `first_delay` seconds or are as long as the provider asks for."""

    model: "ChatModel"
    tries: int
    first_delay: float
    concurrency: int = 8

    async def score(self, question: EssayQuestion, answer: str) -> ScoringResult:
        """The answer's score, or the last error."""
        essay = visible_text(answer)
        prompt = build_prompt(question, essay)
        result, charged = ScoringResult(), 0
        while True:
            reply = await self.model.ask(prompt)
            result = ScoringResult(
                error=reply.error,
                tries=result.tries + 1,
                tokens_in=result.tokens_in + reply.tokens_in,
                tokens_out=result.tokens_out + reply.tokens_out,
                seconds=result.seconds + reply.latency_ms / 1000,
            )
            try:
                if not reply.error:
                    return replace(result, score=read_answer(reply.answer or "", question, essay, self.model.name))
            except TransientError as error:
                result = replace(result, error=error)
            if not isinstance(result.error, TransientError):
                return result
            charged += result.error.code != _RATE_LIMITED or result.tries - charged > _FREE_TRIES
            if charged >= self.tries:
                return result
            await asyncio.sleep(self._pause(result.error, result.tries))

    def _pause(self, error: TransientError, tries: int) -> float:
        jitter = random.random()  # noqa: S311  # jitter, no secret
        return min(max(error.retry_after or 0.0, backoff_seconds(self.first_delay, tries, jitter)), MAX_DELAY_SECONDS)


@dataclass(frozen=True)
class LocalScorer:
    """Scores by the local estimate."""

    embedder: Embedder
    # The embedder has one thread.
    concurrency: int = 1

    async def score(self, question: EssayQuestion, answer: str) -> ScoringResult:
        """The estimate, or why there is none."""
        started = time.monotonic()
        try:
            score = await estimate_locally(self.embedder, question, answer)
        except EmbeddingUnavailable as error:
            return ScoringResult(error=PermanentError("embedding_unavailable", str(error)), tries=1)
        except LanguageNotSupported:
            unknown = "the local scorer does not know the language"
            return ScoringResult(error=PermanentError(ReasonCode.LANGUAGE_NOT_SUPPORTED, unknown), tries=1)
        return ScoringResult(score, tries=1, seconds=time.monotonic() - started)


async def score_all(
    scorer: Scorer,
    answers: Sequence[tuple[EssayQuestion, str]],
    progress: ScoringProgress,
    on_result: Callable[[], object] = lambda: None,
) -> list[ScoringResult]:
    """The result of each answer, in their order; `on_result` is called after each. After `MAX_FAILURES_IN_A_ROW` the
    rest is not tried."""
    waiting = iter(enumerate(answers))

    async def work() -> None:
        for position, (question, answer) in waiting:
            error = _refusal(question, answer, progress)
            result = ScoringResult(error=error) if error else await scorer.score(question, answer)
            progress.add(position, result)
            on_result()

    async with asyncio.TaskGroup() as group:
        for _ in range(scorer.concurrency):
            group.create_task(work())
    return [progress.results[position] for position in range(len(answers))]


def _refusal(question: EssayQuestion, answer: str, progress: ScoringProgress) -> PermanentError | None:
    """Why the answer is not even given to the scorer."""
    if not is_visible(answer):
        return PermanentError("answer_blank", "the answer is blank; the product scores no such answers")
    if len(answer) > question.max_characters:
        return PermanentError("answer_too_long", f"the answer has more than {question.max_characters} characters")
    if progress.gave_up:
        detail = f"given up, since {MAX_FAILURES_IN_A_ROW} answers in a row could not be scored"
        return PermanentError("not_tried", detail)
    return None
