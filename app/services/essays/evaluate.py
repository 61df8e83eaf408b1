"""Scores answers outside any assessment, as the product would, so that the scores can be held against people's."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.clients.llm.chat import EssayModel, ModelReply
from app.clients.llm.embeddings_local import Embedder, EmbeddingUnavailable
from app.domain.assessment.questions import EssayQuestion
from app.domain.errors import JobError, PermanentError, TransientError
from app.domain.essay.prompt import build_prompt, read_answer
from app.domain.essay.score import EssayScore
from app.domain.job.backoff import MOST_DELAY, backoff
from app.services.essays.local_estimate import estimate_locally

# Where this many in a row cannot be scored it is not the answers: to ask on would cost hours, and perhaps money.
MOST_IN_A_ROW = 20
# "Not so fast" is no failure, as long as it does not go on for ever.
_FREE_TRIES = 6
_RATE_LIMITED = "model_rate_limited"

Answer = tuple[EssayQuestion, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one answer: a score, or the trouble instead. Tokens and `seconds` are those of all tries, without
    the pauses between them."""

    score: EssayScore | None = None
    trouble: JobError | None = None
    tries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0


class Scorer(Protocol):
    """Scores one answer after the other, up to `at_once` of them side by side."""

    @property
    def at_once(self) -> int:
        """How many answers may be under way."""

    async def score(self, question: EssayQuestion, answer: str) -> Outcome:
        """What became of the answer; troubles are part of it."""


@dataclass
class Tally:
    """What has been done so far, for those who watch or interrupt."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    in_a_row: int = 0

    @property
    def gave_up(self) -> bool:
        """Whether asking on makes no sense."""
        return self.in_a_row >= MOST_IN_A_ROW

    def add(self, place: int, outcome: Outcome) -> None:
        """Notes what became of the answer at this place."""
        self.outcomes[place] = outcome
        if outcome.tries:
            self.in_a_row = 0 if outcome.score else self.in_a_row + 1


@dataclass(frozen=True)
class ModelScorer:
    """By the language model, with the product's prompt and reading. Passing troubles are tried again: `tries` in all,
    with pauses that begin at `first_delay` (s) or are as long as the provider asks for."""

    model: EssayModel
    tries: int
    first_delay: float
    at_once: int = 8

    async def score(self, question: EssayQuestion, answer: str) -> Outcome:
        """What became of the answer after the last try."""
        outcome, charged = Outcome(), 0
        while True:
            reply = await self.model.ask(build_prompt(question, answer))
            score, trouble = _read(reply, question, answer, self.model.name)
            outcome = _with_try(outcome, reply, score, trouble)
            if not isinstance(trouble, TransientError):
                return outcome
            charged += trouble.code != _RATE_LIMITED or outcome.tries - charged > _FREE_TRIES
            if charged >= self.tries:
                return outcome
            await asyncio.sleep(self._pause(trouble, outcome.tries))

    def _pause(self, trouble: TransientError, tries: int) -> float:
        chance = random.random()  # noqa: S311  # jitter, no secret
        return min(max(trouble.retry_after or 0.0, backoff(self.first_delay, tries, chance)), MOST_DELAY)


@dataclass(frozen=True)
class LocalScorer:
    """By the local estimate."""

    embedder: Embedder
    # The embedder has one thread.
    at_once: int = 1

    async def score(self, question: EssayQuestion, answer: str) -> Outcome:
        """The estimate, or why there is none."""
        started = time.monotonic()
        try:
            score = await estimate_locally(self.embedder, question, answer)
        except EmbeddingUnavailable as error:
            return Outcome(trouble=PermanentError("embedding_unavailable", str(error)), tries=1)
        return Outcome(score, tries=1, seconds=time.monotonic() - started)


async def score_all(
    scorer: Scorer, answers: Sequence[Answer], tally: Tally, told: Callable[[], object] = lambda: None
) -> list[Outcome]:
    """What became of each answer, in their order; `told` is called after each. After `MOST_IN_A_ROW` failures the rest
    is not tried."""
    waiting = iter(enumerate(answers))

    async def work() -> None:
        for place, (question, answer) in waiting:
            tally.add(place, await _score(scorer, question, answer, tally))
            told()

    async with asyncio.TaskGroup() as group:
        for _ in range(scorer.at_once):
            group.create_task(work())
    return [tally.outcomes[place] for place in range(len(answers))]


def _score(scorer: Scorer, question: EssayQuestion, answer: str, tally: Tally) -> Awaitable[Outcome]:
    if not answer.strip():
        return _untried("answer_blank", "the answer is blank; the product scores no such answers")
    if len(answer) > question.max_characters:
        return _untried("answer_too_long", f"the answer has more than {question.max_characters} characters")
    if tally.gave_up:
        return _untried("not_tried", f"given up, since {MOST_IN_A_ROW} answers in a row could not be scored")
    return scorer.score(question, answer)


async def _untried(code: str, detail: str) -> Outcome:
    return Outcome(trouble=PermanentError(code, detail))


def _read(
    reply: ModelReply, question: EssayQuestion, answer: str, model: str
) -> tuple[EssayScore | None, JobError | None]:
    if reply.trouble or reply.answer is None:
        return None, reply.trouble or TransientError("model_answer_unusable", "the model's answer was empty")
    try:
        return read_answer(reply.answer, question, answer, model), None
    except TransientError as trouble:
        return None, trouble


def _with_try(before: Outcome, reply: ModelReply, score: EssayScore | None, trouble: JobError | None) -> Outcome:
    return Outcome(
        score,
        trouble,
        before.tries + 1,
        before.tokens_in + reply.tokens_in,
        before.tokens_out + reply.tokens_out,
        before.seconds + reply.latency_ms / 1000,
    )
