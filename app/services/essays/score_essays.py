"""The `gpt` job: scores each answered essay by the model, estimates it locally, or records why it has no score."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from app.clients.llm.embedder import Embedder, EmbeddingUnavailable
from app.clients.redis.change_feed import PublishChange, publish_nothing
from app.domain.assessment.questions import EssayQuestion
from app.domain.errors import JobError, LeaseLost, PermanentError, PoisonJob, TransientError
from app.domain.essay.score import EssayScore, Suspicion
from app.domain.essay.second_opinion import NEEDS_REVIEW, with_second_opinion
from app.domain.job import retry
from app.domain.records.jobs import ClaimedJob, RunInputs
from app.domain.result.model import EssayLine, Reason
from app.domain.states import JobStatus, ReasonCode, ReviewReason, RunMode
from app.domain.text import count_of
from app.fair_semaphore import FairSemaphore
from app.repositories import jobs, scores
from app.repositories.jobs import FinishedJob
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool
from app.services.essays.injection_check import Detector, check_injection
from app.services.essays.internal_errors import INTERNAL_ERROR, log_internal_error
from app.services.essays.llm_calls import Essay, PaidModel
from app.services.essays.local_estimate import Estimator, LanguageNotSupported, estimate_locally
from app.services.jobs.claimed_run import read_claimed_run

# An estimate is quick; one that takes so long is stuck, and the job has to end.
_ESTIMATE_SECONDS = 120.0
_NONE_SCORED = PermanentError("essays_unscored", "no essay could be scored")

_T = TypeVar("_T")


@dataclass(frozen=True)
class EssayJob:
    """Scores the essays of a run by the `first` model, with the opinion of a `second` one where there is one. Essays
    that the first model does not score get the `fallback`: an estimate or no score.

    An exception of our own code on one essay does not affect the other essays. If the detector raises, the score gets a
    flag; if the model path raises elsewhere, the essay gets the fallback; if the estimate raises, the essay has no
    score, and a person is asked."""

    pool: Pool
    first: PaidModel | None
    second: PaidModel | None
    embedder: Embedder
    fallback: Literal["local", "none"]
    publish_change: PublishChange = publish_nothing
    detect_injection: Detector = check_injection
    estimate: Estimator = estimate_locally
    # One estimate at a time: the embedder has one thread, which the search of credentials needs too. Students take
    # turns. An essay's time limit counts from the moment when its turn comes, so that a long queue leaves no essay
    # without a score.
    estimate_turns: FairSemaphore = field(default_factory=lambda: FairSemaphore(1))
    # One check of a text at a time, too: threads that compute take the interpreter from the event loop.
    _checks: FairSemaphore = field(default_factory=lambda: FairSemaphore(1))

    async def run(self, job: ClaimedJob) -> FinishedJob | None:
        """Scores the essays without a score at the same time, and stores each score as soon as it is there.

        Raises:
            TransientError: some essays are left, and another attempt may score them.
            LeaseLost: another worker has the job.
        """
        run = await read_claimed_run(self.pool, job)
        essays = _to_score(run, job.owner)
        results = await _gather(self._by_model(job, run, essay) for essay in essays)
        failed = [(essay, error) for essay, error in zip(essays, results, strict=True) if error]
        transient = [error for _, error in failed if isinstance(error, TransientError)]
        retried = [error for error in transient if not retry.is_final(job, error)]
        # The others get their fallback now, so that another attempt does not ask the model again.
        await _gather(self._without_model(job, run, essay) for essay, error in failed if error not in retried)
        if retried:
            raise max(retried, key=lambda error: error.retry_after or 0)
        return await self._finish(job, [error for _, error in failed])

    async def give_up(self, job: ClaimedJob, error: JobError) -> FinishedJob | None:
        """Ends the job with the scores so far, and with the fallback for the other essays. After a `PoisonJob`, whose
        fallback may have stopped a worker too, they get no score.

        Raises:
            LeaseLost: another worker has the job.
        """
        run = await read_claimed_run(self.pool, job)
        for essay in _to_score(run, job.owner):
            if isinstance(error, PoisonJob) and not _keeps_score(run, essay):
                await self._store_unscored(job, essay)
            else:
                await self._without_model(job, run, essay)
        return await self._finish(job, [error])

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
        # The detector runs while the models work, when this process has little else to do. It runs whatever they say
        # about the essay: an attack that has won a model over has won its opinion of the attack, too.
        results, check = await asyncio.gather(
            _gather(model.score(essay, job.assessment_id, job.run, run.mode) for model in models),
            self._check_injection(essay),
        )
        score, error = results[0]
        if score:
            await self._store(job, essay, with_second_opinion(score, results[1][0]) if self.second else score, check)
        return error

    async def _without_model(self, job: ClaimedJob, run: RunInputs, essay: Essay) -> None:
        keeps_score = _keeps_score(run, essay)
        if keeps_score and not _renews_estimate(run, essay):
            return
        reason = ReasonCode.ESSAY_UNSCORED
        try:
            if self.fallback == "local" and await self._store_estimate(job, essay):
                return
        except LanguageNotSupported:
            reason = ReasonCode.LANGUAGE_NOT_SUPPORTED
        if not keeps_score:
            await self._store_unscored(job, essay, reason)

    async def _store_estimate(self, job: ClaimedJob, essay: Essay) -> bool:
        """Estimates the essay and stores the estimate; whether there was one. Raises `LanguageNotSupported`."""
        score = await self._estimate(essay)
        if score is None:
            return False
        check = await self._check_injection(essay)
        try:
            await self._store(job, essay, score, check)
        except (LeaseLost, *DATABASE_UNAVAILABLE):
            raise
        except Exception as error:
            log_internal_error("essay_estimate_not_stored", error, essay.question.question_id)
            return False
        return True

    async def _estimate(self, essay: Essay) -> EssayScore | None:
        try:
            async with self.estimate_turns.place(essay.owner), asyncio.timeout(_ESTIMATE_SECONDS):
                return await self.estimate(self.embedder, essay.body, essay.answer)
        except EmbeddingUnavailable:
            return None
        except LanguageNotSupported:
            raise
        except Exception as error:
            # DATABASE_UNAVAILABLE included: an estimate needs no database, so a TimeoutError means something else here.
            log_internal_error("essay_not_estimated", error, essay.question.question_id)
            return None

    async def _check_injection(self, essay: Essay) -> "_InjectionCheck":
        """What the detector says of an essay. What it flags comes to a person, and costs no points."""
        try:
            async with self._checks.place(essay.owner):
                return _InjectionCheck(await self.detect_injection(self.embedder, essay.visible))
        except Exception as error:
            log_internal_error("injection_check_failed", error, essay.question.question_id)
            return _InjectionCheck(None, failed=True)

    async def _store(self, job: ClaimedJob, essay: Essay, score: EssayScore, check: "_InjectionCheck") -> None:
        _check_lease(await scores.store_essay_score(self.pool, job, essay.question, check.flag(score)))
        self.publish_change(job.assessment_id)

    async def _store_unscored(
        self, job: ClaimedJob, essay: Essay, reason: ReasonCode = ReasonCode.ESSAY_UNSCORED
    ) -> None:
        _check_lease(await scores.store_unscored(self.pool, job, essay.question, reason))

    async def _finish(self, job: ClaimedJob, errors: Sequence[JobError]) -> FinishedJob | None:
        run = await read_claimed_run(self.pool, job)
        answered = [line for line in run.essays if not line.missing]
        # In a rescore the scores of the run before do not count.
        counted = [
            line for line in answered if run.mode is not RunMode.RESCORE or line.question_id in run.finished_essay_ids
        ]
        failed = bool(answered) and all(line.score is None for line in counted)
        # An attempt after a crash may find all essays settled, and so have no error of its own.
        error = (errors[0] if errors else _NONE_SCORED) if failed else None
        status = JobStatus.FAILED if failed else JobStatus.COMPLETED
        return await jobs.finish(self.pool, job, status, error, None, _reasons(answered, errors))


@dataclass(frozen=True)
class _InjectionCheck:
    """The detector's suspicion, or that it failed."""

    suspicion: Suspicion | None
    failed: bool = False

    def flag(self, score: EssayScore) -> EssayScore:
        """The score with the flags of the check."""
        failure = (ReviewReason.INJECTION_CHECK_FAILED, NEEDS_REVIEW) if self.failed else ()
        flagged = score.suspected(self.suspicion)
        return flagged.model_copy(update={"flags": tuple(sorted({*flagged.flags, *failure}))})


async def _gather(awaitables: Iterable[Awaitable[_T]]) -> list[_T]:
    """The results of all, run at the same time. If one raises, the others still end: each stores its score."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    await asyncio.gather(*tasks, return_exceptions=True)
    # From the tasks, since among the gathered results an error that was returned looks like one that was raised.
    return [task.result() for task in tasks]


def _to_score(run: RunInputs, owner: str) -> list[Essay]:
    """The owner's answered essays that this run still has to score."""
    lines = {line.question_id: line for line in run.essays}
    return [
        Essay(question, question.body, str(run.answers[question.question_id]), owner)
        for question in run.questions
        if isinstance(question.body, EssayQuestion)
        and question.question_id in run.answers
        and question.question_id not in run.finished_essay_ids
        and _needs_score(run.mode, lines.get(question.question_id))
    ]


def _needs_score(mode: RunMode, line: EssayLine | None) -> bool:
    """Whether an essay with this line from an earlier run is to be scored."""
    if line is None or mode is RunMode.RESCORE:
        return True
    return mode is RunMode.CACHED and line.scorer != "gpt"


def _keeps_score(run: RunInputs, essay: Essay) -> bool:
    """Whether the essay has a score from an earlier run, which stays if no model gives a new one: a model's score is
    better than an estimate, and a new estimate would be the same."""
    line = _earlier_line(run, essay)
    return line is not None and line.score is not None


def _renews_estimate(run: RunInputs, essay: Essay) -> bool:
    """Whether an estimate from an earlier run is made again: a person asked for it, and the job counts as done then."""
    line = _earlier_line(run, essay)
    return run.mode is RunMode.RESCORE and line is not None and line.scorer == "local"


def _earlier_line(run: RunInputs, essay: Essay) -> EssayLine | None:
    return next((line for line in run.essays if line.question_id == essay.question.question_id), None)


def _check_lease(stored: bool) -> None:
    if not stored:
        raise LeaseLost


def _reasons(essays: Sequence[EssayLine], errors: Sequence[JobError]) -> list[Reason]:
    because = f": {errors[0].detail}" if errors else ""
    local = sum(line.scorer == "local" for line in essays)
    foreign = sum(line.score is None and line.reason == ReasonCode.LANGUAGE_NOT_SUPPORTED for line in essays)
    unscored = sum(line.score is None for line in essays) - foreign
    over_budget = sum(error.code == ReasonCode.MODEL_BUDGET_SPENT for error in errors)
    counts = (
        (ReasonCode.ESSAY_SCORED_LOCALLY, local, "estimated locally, not scored by the model", because),
        (ReasonCode.ESSAY_UNSCORED, unscored, "not scored", because),
        (
            ReasonCode.LANGUAGE_NOT_SUPPORTED,
            foreign,
            "not scored, since the local scorer knows no language but English",
            because,
        ),
        (ReasonCode.MODEL_BUDGET_SPENT, over_budget, "not sent to the model, whose budget of the day is spent", ""),
    )
    return [
        Reason(
            code=code,
            stage="gpt",
            detail=f"{count} of {count_of(len(essays), 'essay')} {'was' if count == 1 else 'were'} {what}{why}",
        )
        for code, count, what, why in counts
        if count
    ]
