"""The `gpt` job: every answered essay scored by the model, estimated locally, or without a score for a reason."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar, cast

from app.clients.changes import Announce, to_nobody
from app.clients.embeddings import Embedder, EmbeddingUnavailable
from app.domain.errors import LastingTrouble, PassingTrouble, Poison, Trouble
from app.domain.essay import EssayScore
from app.domain.essay_prompt import PROMPT_VERSION, EssayPrompt, build_prompt, read_answer
from app.domain.local_scoring import estimate, texts_to_embed
from app.domain.questions import EssayQuestion, Question
from app.domain.records import ClaimedJob, RunInputs
from app.domain.result import EssayLine, Reason
from app.domain.states import JobStatus, ReasonCode
from app.domain.views import error_of
from app.repositories import jobs, scores
from app.repositories.jobs import Finished
from app.repositories.scores import ModelCall
from app.repositories.sql import Pool
from app.services import retries

# The local estimate is quick; one that takes so long is stuck, and no score is better than no end.
_ESTIMATE_SECONDS = 120.0
_NONE_SCORED = LastingTrouble("essays_unscored", "no essay could be scored")

_T = TypeVar("_T")


class LeaseLost(Exception):
    """Someone else has the job now; nothing more may be written."""


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
    def trouble(self) -> Trouble | None: ...


class Model(Protocol):
    """A language model that scores essays."""

    @property
    def provider(self) -> str: ...
    @property
    def name(self) -> str: ...
    async def ask(self, prompt: EssayPrompt) -> Reply: ...


@dataclass(frozen=True)
class Price:
    """Dollars for a million tokens."""

    tokens_in: float
    tokens_out: float


@dataclass(frozen=True)
class Essay:
    """An essay that has an answer."""

    question: Question
    body: EssayQuestion
    answer: str


@dataclass(frozen=True)
class EssayScoring:
    """Scores the essays of a run. Without a `model` every essay goes the way of the `fallback`."""

    pool: Pool
    model: Model | None
    embedder: Embedder
    fallback: Literal["local", "none"]
    prices: Mapping[str, Price]
    announce: Announce = to_nobody
    # One essay after the other: the embedder has one thread, and whoever searches credentials needs it too. The time
    # limit counts from an essay's turn, so that a long queue is no reason to leave the last ones without a score.
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def do(self, job: ClaimedJob) -> Finished | None:
        """Scores what has no score yet, side by side, each stored as it comes.

        Raises:
            PassingTrouble: some essays are left, and another attempt may score them.
            LeaseLost: someone else has the job.
        """
        todo = _unscored(await jobs.read_run(self.pool, job))
        troubles = await _all(self._by_model(job, essay) for essay in todo)
        left = [(essay, trouble) for essay, trouble in zip(todo, troubles, strict=True) if trouble]
        passing = [trouble for _, trouble in left if isinstance(trouble, PassingTrouble)]
        again = [trouble for trouble in passing if not retries.ends(job, trouble)]
        if again:
            raise max(again, key=lambda trouble: trouble.retry_after or 0)
        await _all(self._without_model(job, essay) for essay, _ in left)
        return await self._finish(job, left[0][1] if left else None)

    async def give_up(self, job: ClaimedJob, trouble: Trouble) -> Finished | None:
        """Ends the job with what is scored so far and, for the rest, the fallback; where even that took a worker down,
        the rest has no score.

        Raises:
            LeaseLost: someone else has the job.
        """
        without_model = self._store_unscored if isinstance(trouble, Poison) else self._without_model
        for essay in _unscored(await jobs.read_run(self.pool, job)):
            await without_model(job, essay)
        return await self._finish(job, trouble)

    async def _by_model(self, job: ClaimedJob, essay: Essay) -> Trouble | None:
        """Why the model did not score the essay; None where it did."""
        if self.model is None:
            return LastingTrouble("model_not_configured", "no model is set up")
        reply = await self.model.ask(build_prompt(essay.body, essay.answer))
        score, trouble = _read(reply, essay, self.model.name)
        await scores.record_model_call(self.pool, job, self._call(essay, self.model, reply, trouble))
        if score:
            _held(await scores.store_essay_score(self.pool, job, essay.question, score))
            self.announce(job.assessment_id)
        return trouble

    async def _without_model(self, job: ClaimedJob, essay: Essay) -> None:
        score = await self._estimate(essay) if self.fallback == "local" else None
        if score:
            _held(await scores.store_essay_score(self.pool, job, essay.question, score))
            self.announce(job.assessment_id)
        else:
            await self._store_unscored(job, essay)

    async def _store_unscored(self, job: ClaimedJob, essay: Essay) -> None:
        _held(await scores.store_unscored(self.pool, job, essay.question, ReasonCode.ESSAY_UNSCORED))

    async def _estimate(self, essay: Essay) -> EssayScore | None:
        told = (essay.body.prompt, essay.body.model_answer, essay.answer)
        texts = texts_to_embed(*told)
        try:
            async with self._turn, asyncio.timeout(_ESTIMATE_SECONDS):
                vectors = await self.embedder.embed(texts)
        except (EmbeddingUnavailable, TimeoutError):
            return None
        return estimate(*told, dict(zip(texts, vectors, strict=True)))

    async def _finish(self, job: ClaimedJob, trouble: Trouble | None) -> Finished | None:
        asked = [line for line in (await jobs.read_run(self.pool, job)).essays if not line.missing]
        failed = bool(asked) and all(line.score is None for line in asked)
        # An attempt that only finds what another left behind has met no trouble of its own.
        error = error_of(trouble or _NONE_SCORED) if failed else None
        status = JobStatus.FAILED if failed else JobStatus.COMPLETED
        return await jobs.finish(self.pool, job, status, error, None, _reasons(asked, trouble))

    def _call(self, essay: Essay, model: Model, reply: Reply, trouble: Trouble | None) -> ModelCall:
        return ModelCall(
            question_id=essay.question.question_id,
            provider=model.provider,
            model=model.name,
            prompt_version=PROMPT_VERSION,
            outcome=trouble.code if trouble else reply.outcome,
            latency_ms=reply.latency_ms,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            cost_usd=self._cost(model.name, reply),
            answer=reply.answer,
        )

    def _cost(self, model: str, reply: Reply) -> float | None:
        price = self.prices.get(model)
        if price is None:
            return None
        return (reply.tokens_in * price.tokens_in + reply.tokens_out * price.tokens_out) / 1e6


async def _all(works: Iterable[Awaitable[_T]]) -> list[_T]:
    """What all of them return, side by side. None is left running where one raises: each stores what it has found."""
    ended = await asyncio.gather(*works, return_exceptions=True)
    for raised in ended:
        if isinstance(raised, BaseException):
            raise raised
    return cast(list[_T], ended)


def _read(reply: Reply, essay: Essay, model: str) -> tuple[EssayScore | None, Trouble | None]:
    if reply.trouble or reply.answer is None:
        return None, reply.trouble or PassingTrouble("model_answer_unusable", "the model's answer was empty")
    try:
        return read_answer(reply.answer, essay.body, essay.answer, model), None
    except PassingTrouble as trouble:
        return None, trouble


def _unscored(run: RunInputs) -> list[Essay]:
    """The answered essays without a score row."""
    scored = {line.question_id for line in run.essays}
    return [
        Essay(question, question.body, str(run.answers[question.question_id]))
        for question in run.questions
        if isinstance(question.body, EssayQuestion)
        and question.question_id not in scored
        and question.question_id in run.answers
    ]


def _held(held: bool) -> None:
    if not held:
        raise LeaseLost


def _reasons(essays: Sequence[EssayLine], trouble: Trouble | None) -> list[Reason]:
    because = f": {trouble.detail}" if trouble else ""
    local = sum(line.scorer == "local" for line in essays)
    unscored = sum(line.score is None for line in essays)
    told = (
        (ReasonCode.ESSAY_SCORED_LOCALLY, local, "estimated locally, not scored by the model"),
        (ReasonCode.ESSAY_UNSCORED, unscored, "not scored"),
    )
    return [
        Reason(
            code=code,
            stage="gpt",
            detail=f"{count} of {len(essays)} essays {'was' if count == 1 else 'were'} {what}{because}",
        )
        for code, count, what in told
        if count
    ]
