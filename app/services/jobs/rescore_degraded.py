"""Rescoring essays that the model could not score, once it answers again, if that makes results better.

The model is called outside of any run. Only where it gives a usable answer, a run is started that reads it from the
cache; its result then replaces the degraded one.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import structlog

from app.clients.redis.change_feed import PublishChange, publish_nothing
from app.clients.redis.job_queue import JobQueue
from app.domain.assessment.questions import EssayQuestion
from app.domain.states import JobType, ReasonCode, RunMode
from app.repositories import dead_letters, jobs, scores
from app.repositories.scores import DegradedResult
from app.repositories.sql import Pool
from app.services.essays.llm_calls import ABOUT_THE_ESSAY, Essay, PaidModel
from app.services.jobs.runner import notify

log = structlog.get_logger()

MAX_TRIES = 5
# A small share of the calls that a worker may have in flight.
_CONCURRENT_ASSESSMENTS = 4
_ASSESSMENTS_PER_PASS = 100
# How long an essay stays reserved for the worker that tries it: longer than any call.
_RESERVED_SECONDS = 3600.0
# Seconds until an essay is tried again whose student has used up the share of the day's budget; that says nothing
# about the essay.
_BUDGET_PAUSE_SECONDS = 3600.0
# Part of the interval for which one worker has the turn.
_TURN = 0.9


@dataclass(frozen=True)
class DegradedRescorer:
    """Rescores degraded essays every `interval` seconds, in results of at most `max_age` seconds; the jobs of the runs
    that it starts have so many attempts."""

    pool: Pool
    job_queue: JobQueue
    first: PaidModel
    second: PaidModel | None
    interval: float
    max_age: float
    attempts: int
    publish_change: PublishChange = publish_nothing

    async def run_once(self) -> int:
        """One pass, oldest results first; returns how many runs it started. Does nothing while another worker has the
        turn, or while the model does not answer a probe."""
        if not await scores.take_rescoring_turn(self.pool, self.interval * _TURN):
            return 0
        due = await scores.find_degraded(self.pool, self.max_age, MAX_TRIES, _ASSESSMENTS_PER_PASS)
        if not due or not await self._model_answers(due[0]):
            return 0
        waiting = iter(due)
        started = sum(await asyncio.gather(*(self._rescore(waiting) for _ in range(_CONCURRENT_ASSESSMENTS))))
        log.info("degraded_essays_rescored", assessments=len(due), runs_started=started)
        return started

    async def _model_answers(self, degraded: DegradedResult) -> bool:
        error = await self.first.probe(degraded.assessment_id, degraded.run, degraded.question_ids[0])
        if error:
            log.info("model_still_unavailable", code=error.code)
        return error is None

    async def _rescore(self, waiting: Iterator[DegradedResult]) -> int:
        started = 0
        for degraded in waiting:
            question_ids = await scores.reserve_essays(
                self.pool, degraded.assessment_id, degraded.question_ids, _RESERVED_SECONDS
            )
            scored = [await self._try(degraded, question_id) for question_id in question_ids]
            started += any(scored) and await self._start_run(degraded)
        return started

    async def _try(self, degraded: DegradedResult, question_id: UUID) -> bool:
        """Whether the model scores the essay now. A failure counts as a try only if it is about the essay, or if the
        model answers a probe."""
        essay = await self._essay(degraded, question_id)
        if essay is None:
            return False
        models = [model for model in (self.first, self.second) if model]
        replies = await asyncio.gather(
            *(model.score(essay, degraded.assessment_id, degraded.run + 1) for model in models)
        )
        score, error = replies[0]
        budget_spent = error is not None and error.code == ReasonCode.MODEL_BUDGET_SPENT
        counted = not budget_spent and (
            error is None or error.code in ABOUT_THE_ESSAY or await self._model_answers(degraded)
        )
        pause = max(self.interval, _BUDGET_PAUSE_SECONDS) if budget_spent else self.interval
        await scores.record_rescore_try(self.pool, degraded.assessment_id, question_id, pause, counted=counted)
        return score is not None

    async def _essay(self, degraded: DegradedResult, question_id: UUID) -> Essay | None:
        """The essay; None if it was erased meanwhile."""
        run = await jobs.read_run(self.pool, degraded)
        if run is None:
            return None
        question = next(question for question in run.questions if question.question_id == question_id)
        if not isinstance(question.body, EssayQuestion):
            raise TypeError("an essay's score belongs to another question")
        return Essay(question, question.body, str(run.answers[question_id]), degraded.owner)

    async def _start_run(self, degraded: DegradedResult) -> bool:
        """Starts a run that uses the cached answers; False if another run was started meanwhile."""
        new_ids = {job_type: uuid4() for job_type in JobType}
        values = (self.attempts, None, None, (JobType.GPT,), RunMode.CACHED)
        notifications = await dead_letters.start_run(self.pool, degraded, new_ids, *values)
        await notify(self.job_queue, notifications)
        self.publish_change(degraded.assessment_id)
        return bool(notifications)
