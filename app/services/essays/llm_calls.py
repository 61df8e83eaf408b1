"""Scoring essays by a language model: answers are stored and used again, calls are paid for within the day's budget,
and each call is recorded."""

import asyncio
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol
from uuid import UUID
from weakref import WeakValueDictionary

from app.clients.llm.replies import ChatReply
from app.domain.assessment.questions import EssayQuestion, Question, Rubric
from app.domain.errors import JobError, PermanentError, TransientError
from app.domain.essay.model_answer import read_answer
from app.domain.essay.prompt import EssayPrompt, build_prompt
from app.domain.essay.score import EssayScore
from app.domain.essay.visible_text import VisibleText, visible_text
from app.domain.model_prompt import ModelPrompt, fingerprint
from app.domain.states import RunMode
from app.repositories import scores
from app.repositories.scores import ModelCall
from app.repositories.sql import DATABASE_UNAVAILABLE
from app.services.essays.internal_errors import INTERNAL_ERROR, log_internal_error
from app.services.model_account import ModelAccount

# From so many characters on, an essay is read outside of the event loop.
_LONG = 4_000
# What an answer is expected to have at most when its cost is reserved.
_ANSWER_TOKENS = 1_500

# Codes of errors that say nothing against the model.
ABOUT_THE_ESSAY = frozenset({"model_answer_unusable", "model_refused", INTERNAL_ERROR.code})
_NOT_CACHED = PermanentError("model_unavailable", "the model is not available")

# Shows whether a model answers at all: a question as small as one can be.
PROBE = EssayQuestion(
    prompt="Why is the sky dark at night?",
    model_answer="The sun is below the horizon.",
    rubric=Rubric(relevance="Names the sun.", depth="Says where it is.", clarity="One sentence.", technical="True."),
)
_PROBED = "probed"

# A score, or why there is none.
ScoreOrError = tuple[EssayScore | None, JobError | None]


class LanguageModel(Protocol):
    """A language model of a provider."""

    @property
    def provider(self) -> str: ...
    @property
    def name(self) -> str: ...
    async def ask(self, prompt: ModelPrompt) -> ChatReply:
        """The model's answer. Raises JobError where the model was not even asked."""


@dataclass(frozen=True)
class Essay:
    """An essay that has an answer; `owner` is the student who wrote it."""

    question: Question
    body: EssayQuestion
    answer: str
    owner: str

    @cached_property
    def visible(self) -> VisibleText:
        """The answer as its reader sees it."""
        return visible_text(self.answer)


@dataclass(frozen=True)
class PaidModel:
    """One language model, whose calls are paid for by an account."""

    model: LanguageModel
    account: ModelAccount
    # Of equal essays at the same time the first one is paid for, and the others wait for its answer.
    _locks: WeakValueDictionary[bytes, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def score(self, essay: Essay, assessment_id: UUID, run: int, mode: RunMode = RunMode.MISSING) -> ScoreOrError:
        """The score by a stored answer or by a new call: only by a stored one with `CACHED`, and with `RESCORE` by none
        that an earlier run stored. An exception of our own code is logged, and is the reason why there is no score."""
        try:
            return await self._score(essay, assessment_id, run, mode)
        except DATABASE_UNAVAILABLE:
            raise
        except Exception as error:
            log_internal_error("essay_not_scored_by_model", error, essay.question.question_id)
            return None, INTERNAL_ERROR

    async def probe(self, assessment_id: UUID, run: int, question_id: UUID) -> JobError | None:
        """Why the model does not answer; None where it answers anything. The cost is recorded for this question."""
        prompt = build_prompt(PROBE, visible_text(PROBE.model_answer))
        try:
            reply, cost = await self._call_within_budget(prompt)
        except JobError as error:
            return error
        outcome = reply.outcome if reply.error else _PROBED
        await self._record(reply, cost, prompt, (assessment_id, run, question_id), None, outcome)
        return None if reply.error is None or reply.error.code in ABOUT_THE_ESSAY else reply.error

    async def _score(self, essay: Essay, assessment_id: UUID, run: int, mode: RunMode) -> ScoreOrError:
        # In threads where it may take tens of milliseconds: the visible text, and later the quotes in the answer.
        visible = essay.visible if len(essay.answer) < _LONG else await asyncio.to_thread(lambda: essay.visible)
        prompt = build_prompt(essay.body, visible, secrets.token_hex(8))
        key = fingerprint(prompt, self.model.name)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            of_run = (assessment_id, run) if mode is RunMode.RESCORE else None
            answers = await scores.find_cached_answers(self.account.pool, [key], of_run)
            cached = await self._read_outside(essay, answers[key]) if key in answers else (None, _NOT_CACHED)
            if cached[0] or mode is RunMode.CACHED:
                return cached
            try:
                reply, cost = await self._call_within_budget(prompt, essay.owner)
            except JobError as not_asked:
                return None, not_asked
            score, error = (
                (None, reply.error) if reply.error else await self._read_outside(essay, reply.answer, prompt.canary)
            )
            if score and reply.repairs:
                score = score.model_copy(update={"repairs": tuple(sorted({*score.repairs, *reply.repairs}))})
            outcome = error.code if error else reply.outcome
            place = (assessment_id, run, essay.question.question_id)
            await self._record(reply, cost, prompt, place, key, outcome)
            return score, error

    async def _read_outside(self, essay: Essay, raw: str | None, canary: str = "") -> ScoreOrError:
        if len(essay.answer) < _LONG:
            return self._read(essay, raw, canary)
        return await asyncio.to_thread(self._read, essay, raw, canary)

    def _read(self, essay: Essay, raw: str | None, canary: str = "") -> ScoreOrError:
        """The score in an answer. One that our own code fails to read was paid for all the same, so this never raises:
        the call has to be recorded."""
        try:
            return read_answer(raw or "", essay.body, essay.visible, self.model.name, canary), None
        except TransientError as error:
            return None, error
        except Exception as error:
            log_internal_error("model_answer_not_read", error, essay.question.question_id)
            return None, INTERNAL_ERROR

    async def _call_within_budget(
        self, prompt: EssayPrompt, owner: str | None = None
    ) -> tuple[ChatReply, float | None]:
        ask = self.account.call_within_budget
        return await ask(lambda: self.model.ask(prompt), prompt.tokens, _ANSWER_TOKENS, owner)

    async def _record(
        self,
        reply: ChatReply,
        cost: float | None,
        prompt: EssayPrompt,
        place: tuple[UUID, int, UUID],
        key: bytes | None,
        outcome: str,
    ) -> None:
        """Stores the answer and its cost before anything builds on it. `key` is the prompt's fingerprint, by which the
        answer is used again; None for a probe."""
        assessment_id, run, question_id = place
        call = ModelCall(
            assessment_id=assessment_id,
            run=run,
            question_id=question_id,
            fingerprint=key,
            provider=self.model.provider,
            model=self.model.name,
            prompt_version=prompt.version,
            outcome=outcome,
            latency_ms=reply.latency_ms,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            cost_usd=cost,
            answer=reply.answer,
            provider_message=reply.provider_message,
        )
        await scores.record_model_call(self.account.pool, call)
