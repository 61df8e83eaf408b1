"""Asking a model: bought once, paid for within the day's budget, and accounted for call by call."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol
from uuid import UUID
from weakref import WeakValueDictionary

from app.domain.assessment.questions import EssayQuestion, Question, Rubric
from app.domain.errors import JobError, PermanentError, TransientError
from app.domain.essay.model_prompt import Prompt, fingerprint
from app.domain.essay.prompt import EssayPrompt, build_prompt, read_answer
from app.domain.essay.score import EssayScore
from app.repositories import budget, scores
from app.repositories.scores import ModelCall
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool
from app.services.essays.faults import OUR_FAULT, log_fault

# What an answer is expected to have at most when its cost is set aside.
_ANSWER_TOKENS = 1_500

# Troubles that say nothing against the model.
ABOUT_THE_ESSAY = frozenset({"model_answer_unusable", "model_refused", OUR_FAULT.code})
_NOT_BOUGHT = PermanentError("model_unavailable", "the model is not available")

# What shows whether a model answers at all: a question as small as one can be.
PROBE = EssayQuestion(
    prompt="Why is the sky dark at night?",
    model_answer="The sun is below the horizon.",
    rubric=Rubric(relevance="Names the sun.", depth="Says where it is.", clarity="One sentence.", technical="True."),
)
_PROBED = "probed"

# A score, or why there is none.
Scored = tuple[EssayScore | None, JobError | None]
# Assessment, run and question that a call is for.
Place = tuple[UUID, int, UUID]


class Reply(Protocol):
    """What came back of one call of the model."""

    @property
    def outcome(self) -> str: ...
    @property
    def latency_ms(self) -> int: ...
    @property
    def answer(self) -> str | None: ...
    @property
    def tokens_in(self) -> int: ...
    @property
    def tokens_out(self) -> int: ...
    @property
    def trouble(self) -> JobError | None: ...


# Why a reply is of no use; None where it is.
ReadReply = Callable[[Reply], JobError | None]


class Model(Protocol):
    """A language model. Raises Trouble where it was not even asked."""

    @property
    def provider(self) -> str: ...
    @property
    def name(self) -> str: ...
    async def ask(self, prompt: Prompt) -> Reply: ...


@dataclass(frozen=True)
class Price:
    """Dollars for a million tokens."""

    tokens_in: float
    tokens_out: float

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """Dollars for so many tokens."""
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / 1e6


@dataclass(frozen=True)
class Essay:
    """An essay that has an answer."""

    question: Question
    body: EssayQuestion
    answer: str


@dataclass(frozen=True)
class PaidModel:
    """Asks one model; `price` is None where it is not known, `budget_usd` where there is no limit to a day's cost."""

    pool: Pool
    model: Model
    price: Price | None = None
    budget_usd: float | None = None
    # Equal essays at the same time: the first one buys, the others wait for what it gets.
    _buying: WeakValueDictionary[bytes, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def read(self, essay: Essay, raw: str, canary: str = "") -> Scored:
        """The score in an answer. An answer that our own code cannot read was paid for all the same, so this never
        raises: the call has to be recorded."""
        try:
            return read_answer(raw, essay.body, essay.answer, self.model.name, canary), None
        except TransientError as trouble:
            return None, trouble
        except Exception as error:
            log_fault("model_answer_not_read", error, essay.question.question_id)
            return None, OUR_FAULT

    async def score(self, essay: Essay, assessment_id: UUID, run: int, *, rescore: bool = False) -> Scored:
        """The score, out of an answer bought before or of a new call; `anew` takes only what this run bought. An
        exception of our own code is logged and is the reason why there is no score."""
        return await _or_fault(essay, self._score(essay, assessment_id, run, anew=rescore))

    async def _score(self, essay: Essay, assessment_id: UUID, run: int, *, anew: bool) -> Scored:
        prompt = build_prompt(essay.body, essay.answer, secrets.token_hex(8))
        wanted = fingerprint(prompt, self.model.name)
        lock = self._buying.setdefault(wanted, asyncio.Lock())
        of_run = (assessment_id, run) if anew else None
        async with lock:
            known = await scores.find_bought(self.pool, [wanted], of_run)
            if wanted in known and (found := self.read(essay, known[wanted]))[0]:
                return found
            return await self._buy(essay, prompt, wanted, assessment_id, run)

    async def find_cached(self, essay: Essay) -> Scored:
        """The score out of an answer bought before, without asking; exceptions of our own code as in `score`."""
        return await _or_fault(essay, self._bought(essay))

    async def _bought(self, essay: Essay) -> Scored:
        wanted = fingerprint(build_prompt(essay.body, essay.answer), self.model.name)
        known = await scores.find_bought(self.pool, [wanted], None)
        return self.read(essay, known[wanted]) if wanted in known else (None, _NOT_BOUGHT)

    async def probe(self, assessment_id: UUID, run: int, question_id: UUID) -> JobError | None:
        """Why the model does not answer; None where it says anything. The cost is put down to this question."""
        place = (assessment_id, run, question_id)
        try:
            reply = await self._pay(build_prompt(PROBE, PROBE.model_answer), place, None, _anything)
        except JobError as trouble:
            return trouble
        return None if reply.trouble is None or reply.trouble.code in ABOUT_THE_ESSAY else reply.trouble

    async def _buy(self, essay: Essay, prompt: EssayPrompt, wanted: bytes, assessment_id: UUID, run: int) -> Scored:
        found: list[Scored] = []

        def read(reply: Reply) -> JobError | None:
            found.append(self._read(reply, essay, prompt))
            return found[0][1]

        try:
            await self._pay(prompt, (assessment_id, run, essay.question.question_id), wanted, read)
        except JobError as trouble:
            return None, trouble
        return found[0]

    async def _pay(self, prompt: Prompt, place: Place, wanted: bytes | None, read: ReadReply) -> Reply:
        """Asks within the budget, and keeps what it answered and cost, before anybody builds on it. `wanted` is the
        prompt's fingerprint, None for a probe, whose answer is of no use.

        Raises:
            Trouble: the model was not asked.
        """
        cost = _Cost(self.pool, self.price, self.budget_usd)
        await cost.reserve(prompt)
        try:
            reply = await self.model.ask(prompt)
        except JobError:
            await cost.settle(0.0)
            raise
        dollars = self.price.of(reply.tokens_in, reply.tokens_out) if self.price else None
        await cost.settle(dollars or 0.0)
        trouble = read(reply)
        assessment_id, run, question_id = place
        call = ModelCall(
            assessment_id=assessment_id,
            run=run,
            question_id=question_id,
            fingerprint=wanted,
            provider=self.model.provider,
            model=self.model.name,
            prompt_version=prompt.version,
            outcome=trouble.code if trouble else reply.outcome if wanted else _PROBED,
            latency_ms=reply.latency_ms,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            cost_usd=dollars,
            answer=reply.answer,
        )
        await scores.record_model_call(self.pool, call)
        return reply

    def _read(self, reply: Reply, essay: Essay, prompt: EssayPrompt) -> Scored:
        if reply.trouble or reply.answer is None:
            return None, reply.trouble or TransientError("model_answer_unusable", "the model's answer was empty")
        return self.read(essay, reply.answer, prompt.canary)


class _Cost:
    """What one call may cost, set aside before it and settled after it."""

    def __init__(self, pool: Pool, price: Price | None, budget_usd: float | None) -> None:
        self._pool = pool
        self._price = price if budget_usd is not None else None
        self._budget = budget_usd or 0.0
        self._day: date | None = None
        self._dollars = 0.0

    async def reserve(self, prompt: Prompt) -> None:
        """Raises LastingTrouble where the budget is spent, PassingTrouble where calls on their way may spend it."""
        if self._price is None:
            return
        self._dollars = self._price.of(prompt.tokens, _ANSWER_TOKENS)
        self._day = await budget.reserve(self._pool, self._dollars, self._budget)
        if self._day is not None:
            return
        if await budget.spent_today(self._pool) + self._dollars > self._budget:
            raise PermanentError("model_budget_spent", "today's budget for the model is spent")
        raise TransientError("model_budget_reserved", "today's budget for the model is nearly spent")

    async def settle(self, dollars: float) -> None:
        """What a worker does not come to settle stays set aside: nobody knows whether it was paid."""
        if self._day is not None:
            await budget.settle(self._pool, self._day, self._dollars, dollars)


async def _or_fault(essay: Essay, work: Awaitable[Scored]) -> Scored:
    try:
        return await work
    except DATABASE_UNAVAILABLE:
        raise
    except Exception as error:
        log_fault("essay_not_scored_by_model", error, essay.question.question_id)
        return None, OUR_FAULT


def _anything(reply: Reply) -> JobError | None:
    return reply.trouble
