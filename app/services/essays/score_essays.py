"""The `gpt` job: every answered essay scored by the model, estimated locally, or without a score for a reason."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from app.clients.llm.embeddings_local import Embedder, EmbeddingUnavailable
from app.clients.redis.change_feed import PublishChange, publish_nothing
from app.domain.assessment.questions import EssayQuestion
from app.domain.errors import JobError, LeaseLost, PermanentError, PoisonJob, TransientError
from app.domain.essay.injection import suspects_injection
from app.domain.essay.score import EssayScore
from app.domain.essay.second_opinion import NEEDS_REVIEW, with_second_opinion
from app.domain.essay.visible_text import VisibleText
from app.domain.job import retry
from app.domain.records.jobs import ClaimedJob, RunInputs
from app.domain.result.model import EssayLine, Reason
from app.domain.states import JobStatus, ReasonCode, RunMode
from app.repositories import jobs, scores
from app.repositories.jobs import FinishedJob
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool
from app.schemas import error_of
from app.services.essays.internal_errors import INTERNAL_ERROR, log_internal_error
from app.services.essays.llm_calls import Essay, PaidModel
from app.services.essays.local_estimate import Estimator, estimate_locally

# The local estimate is quick; one that takes so long is stuck, and no score is better than no end.
_ESTIMATE_SECONDS = 120.0
SUSPECTED_INJECTION = "suspected_injection"
# Nobody knows whether the essay speaks to its grader, since the detector raised.
INJECTION_CHECK_FAILED = "injection_check_failed"
_NONE_SCORED = PermanentError("essays_unscored", "no essay could be scored")

_T = TypeVar("_T")


@dataclass(frozen=True)
class EssayJob:
    """Scores the essays of a run. Without a model every essay goes the way of the `fallback`; with a `second` one its
    opinion stands beside the first.

    An exception of our own code on one essay costs the other essays nothing. A detector that raises leaves a flag
    beside the score; where the rest of the model path raises, the essay goes the way of the `fallback`; where the
    estimate raises, it has no score, and a person is asked."""

    pool: Pool
    first: PaidModel | None
    second: PaidModel | None
    embedder: Embedder
    fallback: Literal["local", "none"]
    announce: PublishChange = publish_nothing
    detect_injection: Callable[[VisibleText], bool] = suspects_injection
    estimate: Estimator = estimate_locally
    # One essay after the other: the embedder has one thread, and whoever searches credentials needs it too. The time
    # limit counts from an essay's turn, so that a long queue is no reason to leave the last ones without a score.
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, job: ClaimedJob) -> FinishedJob | None:
        """Scores what has no score yet, side by side, each stored as it comes.

        Raises:
            PassingTrouble: some essays are left, and another attempt may score them.
            LeaseLost: someone else has the job.
        """
        run = await jobs.read_run(self.pool, job)
        todo = _to_score(run)
        troubles = await _all(self._by_model(job, run, essay) for essay in todo)
        left = [(essay, trouble) for essay, trouble in zip(todo, troubles, strict=True) if trouble]
        passing = [trouble for _, trouble in left if isinstance(trouble, TransientError)]
        again = [trouble for trouble in passing if not retry.is_final(job, trouble)]
        # What lasts is settled at once, so that another attempt does not ask for it again.
        await _all(self._without_model(job, run, essay) for essay, trouble in left if trouble not in again)
        if again:
            raise max(again, key=lambda trouble: trouble.retry_after or 0)
        return await self._finish(job, [trouble for _, trouble in left])

    async def give_up(self, job: ClaimedJob, trouble: JobError) -> FinishedJob | None:
        """Ends the job with what is scored so far and, for the rest, the fallback; where even that took a worker down,
        the rest has no score.

        Raises:
            LeaseLost: someone else has the job.
        """
        run = await jobs.read_run(self.pool, job)
        for essay in _to_score(run):
            if isinstance(trouble, PoisonJob) and not _kept(run, essay):
                await self._store_unscored(job, essay)
            else:
                await self._without_model(job, run, essay)
        return await self._finish(job, [trouble])

    async def _by_model(self, job: ClaimedJob, run: RunInputs, essay: Essay) -> JobError | None:
        """Why the model did not score the essay; None where it did."""
        if self.first is None:
            return PermanentError("model_not_configured", "no model is set up")
        try:
            return await self._ask_models(job, run, essay)
        except (LeaseLost, *DATABASE_UNAVAILABLE):
            raise
        except Exception as error:
            log_internal_error("essay_not_scored_by_model", error, essay.question.question_id)
            return INTERNAL_ERROR

    async def _ask_models(self, job: ClaimedJob, run: RunInputs, essay: Essay) -> JobError | None:
        models = [model for model in (self.first, self.second) if model]
        # The essay is looked at while the model thinks, when this process has little else to do.
        scored, flags = await asyncio.gather(
            _all(model.score(essay, job.assessment_id, job.run, run.mode) for model in models),
            self._injection_flags(essay),
        )
        score, trouble = scored[0]
        if score:
            await self._store(job, essay, with_second_opinion(score, scored[1][0]) if self.second else score, flags)
        return trouble

    async def _without_model(self, job: ClaimedJob, run: RunInputs, essay: Essay) -> None:
        kept = _kept(run, essay)
        if kept and not _estimate_anew(run, essay):
            return
        if self.fallback == "local" and await self._store_estimate(job, essay):
            return
        if not kept:
            await self._store_unscored(job, essay)

    async def _store_estimate(self, job: ClaimedJob, essay: Essay) -> bool:
        """Whether there is an estimate of the essay, which is stored then."""
        score = await self._estimate(essay)
        if score is None:
            return False
        flags = await self._injection_flags(essay)
        try:
            await self._store(job, essay, score, flags)
        except (LeaseLost, *DATABASE_UNAVAILABLE):
            raise
        except Exception as error:
            log_internal_error("essay_estimate_not_stored", error, essay.question.question_id)
            return False
        return True

    async def _estimate(self, essay: Essay) -> EssayScore | None:
        try:
            async with self._turn, asyncio.timeout(_ESTIMATE_SECONDS):
                return await self.estimate(self.embedder, essay.body, essay.answer)
        except EmbeddingUnavailable:
            return None
        except Exception as error:
            # Whatever it looks like: a TimeoutError is no absence of Postgres here, which an estimate does not need.
            log_internal_error("essay_not_estimated", error, essay.question.question_id)
            return None

    async def _injection_flags(self, essay: Essay) -> frozenset[str]:
        """The flags of an essay that speaks to its grader, or that could not be checked for it; none for others. A
        person looks at such an essay; it costs no points."""
        try:
            hostile = await asyncio.to_thread(lambda: self.detect_injection(essay.visible))
        except Exception as error:
            log_internal_error("injection_check_failed", error, essay.question.question_id)
            return frozenset({INJECTION_CHECK_FAILED, NEEDS_REVIEW})
        return frozenset({SUSPECTED_INJECTION}) if hostile else frozenset()

    async def _store(self, job: ClaimedJob, essay: Essay, score: EssayScore, flags: frozenset[str]) -> None:
        shown = score.model_copy(update={"flags": tuple(sorted({*score.flags, *flags}))})
        _held(await scores.store_essay_score(self.pool, job, essay.question, shown))
        self.announce(job.assessment_id)

    async def _store_unscored(self, job: ClaimedJob, essay: Essay) -> None:
        _held(await scores.store_unscored(self.pool, job, essay.question, ReasonCode.ESSAY_UNSCORED))

    async def _finish(self, job: ClaimedJob, troubles: Sequence[JobError]) -> FinishedJob | None:
        run = await jobs.read_run(self.pool, job)
        asked = [line for line in run.essays if not line.missing]
        # Asked for new scores, the old ones are none.
        gained = [line for line in asked if run.mode is not RunMode.RESCORE or line.question_id in run.settled]
        failed = bool(asked) and all(line.score is None for line in gained)
        # An attempt that only finds what another left behind has met no trouble of its own.
        error = error_of(troubles[0] if troubles else _NONE_SCORED) if failed else None
        status = JobStatus.FAILED if failed else JobStatus.COMPLETED
        return await jobs.finish(self.pool, job, status, error, None, _reasons(asked, troubles))


async def _all(works: Iterable[Awaitable[_T]]) -> list[_T]:
    """What all of them return, side by side. None is left running where one raises: each stores what it has found."""
    tasks = [asyncio.ensure_future(work) for work in works]
    await asyncio.gather(*tasks, return_exceptions=True)
    # Of the tasks and not of what was gathered, where a trouble that is returned looks like one that was raised.
    return [task.result() for task in tasks]


def _to_score(run: RunInputs) -> list[Essay]:
    """The answered essays that this run still has to deal with."""
    scored = {line.question_id: line for line in run.essays}
    return [
        Essay(question, question.body, str(run.answers[question.question_id]))
        for question in run.questions
        if isinstance(question.body, EssayQuestion)
        and question.question_id in run.answers
        and question.question_id not in run.settled
        and _wanted(run.mode, scored.get(question.question_id))
    ]


def _wanted(mode: RunMode, line: EssayLine | None) -> bool:
    """Whether an essay with this line of a run before is to be scored."""
    if line is None or mode is RunMode.RESCORE:
        return True
    return mode is RunMode.CACHED and line.scorer != "gpt"


def _kept(run: RunInputs, essay: Essay) -> bool:
    """Whether a score of a run before stays where no model gives a new one: a model's is better than an estimate, and
    an estimate no worse than the same one again."""
    line = _former(run, essay)
    return line is not None and line.score is not None


def _estimate_anew(run: RunInputs, essay: Essay) -> bool:
    """Whether an estimate of a run before is made again: a person asked for it, and the run has done its work then."""
    line = _former(run, essay)
    return run.mode is RunMode.RESCORE and line is not None and line.scorer == "local"


def _former(run: RunInputs, essay: Essay) -> EssayLine | None:
    return next((line for line in run.essays if line.question_id == essay.question.question_id), None)


def _held(held: bool) -> None:
    if not held:
        raise LeaseLost


def _reasons(essays: Sequence[EssayLine], troubles: Sequence[JobError]) -> list[Reason]:
    because = f": {troubles[0].detail}" if troubles else ""
    local = sum(line.scorer == "local" for line in essays)
    unscored = sum(line.score is None for line in essays)
    over_budget = sum(trouble.code == ReasonCode.MODEL_BUDGET_SPENT for trouble in troubles)
    told = (
        (ReasonCode.ESSAY_SCORED_LOCALLY, local, "estimated locally, not scored by the model", because),
        (ReasonCode.ESSAY_UNSCORED, unscored, "not scored", because),
        (ReasonCode.MODEL_BUDGET_SPENT, over_budget, "not sent to the model, whose budget of the day is spent", ""),
    )
    return [
        Reason(
            code=code,
            stage="gpt",
            detail=f"{count} of {len(essays)} essays {'was' if count == 1 else 'were'} {what}{why}",
        )
        for code, count, what, why in told
        if count
    ]
