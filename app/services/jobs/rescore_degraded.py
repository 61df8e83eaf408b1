"""Scoring degraded essays when the model is back: nobody sees anything of it unless something gets better.

Answers are bought outside of any run. Only where one is usable, a run begins that puts to use what was bought; its
result then takes the place of the degraded one.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import structlog

from app.clients.redis.change_feed import PublishChange, publish_nothing
from app.clients.redis.job_queue import JobQueue
from app.domain.assessment.questions import EssayQuestion
from app.domain.records.assessments import NewestRun
from app.domain.states import JobType, RunMode
from app.repositories import dead_letters, healing, jobs
from app.repositories.healing import Degraded
from app.repositories.sql import Pool
from app.services.essays.llm_calls import ABOUT_THE_ESSAY, Essay, PaidModel
from app.services.jobs.runner import notify

log = structlog.get_logger()

MOST_TRIES = 5
# Calls at the same time, a small share of what a worker can have on their way; assessments in one pass.
_AT_ONCE = 4
_IN_A_PASS = 100
# Seconds for which an essay that is tried is left alone by others: longer than any call.
_BEING_TRIED = 3600.0
# The part of the interval for which a turn keeps other workers from looking.
_TURN = 0.9


@dataclass(frozen=True)
class DegradedRescorer:
    """Looks for degraded essays every `interval` seconds in results of at most `max_age` seconds; the jobs of the runs
    that it begins have so many attempts."""

    pool: Pool
    doorbell: JobQueue
    first: PaidModel
    second: PaidModel | None
    interval: float
    max_age: float
    attempts: int
    announce: PublishChange = publish_nothing

    async def heal(self) -> int:
        """One pass, oldest results first; returns how many of them get better. Only one worker is at it at a time, and
        nothing is tried while the model does not answer a probe."""
        if not await healing.take_turn(self.pool, self.interval * _TURN):
            return 0
        due = await healing.find_due(self.pool, self.max_age, MOST_TRIES, _IN_A_PASS)
        if not due or not await self._model_answers(due[0]):
            return 0
        waiting = iter(due)
        healed = sum(await asyncio.gather(*(self._heal_some(waiting) for _ in range(_AT_ONCE))))
        log.info("essays_healed", looked_at=len(due), better=healed)
        return healed

    async def _model_answers(self, degraded: Degraded) -> bool:
        trouble = await self.first.probe(degraded.assessment_id, degraded.run, degraded.question_ids[0])
        if trouble:
            log.info("model_still_away", code=trouble.code)
        return trouble is None

    async def _heal_some(self, waiting: Iterator[Degraded]) -> int:
        healed = 0
        for degraded in waiting:
            taken = await healing.postpone(self.pool, degraded.assessment_id, degraded.question_ids, _BEING_TRIED)
            tried = [await self._try(degraded, question_id) for question_id in taken]
            healed += any(tried) and await self._begin_run(degraded)
        return healed

    async def _try(self, degraded: Degraded, question_id: UUID) -> bool:
        """Whether the model scores the essay now. A failure counts only if the model answers otherwise."""
        essay = await self._essay(degraded, question_id)
        asked = [asking for asking in (self.first, self.second) if asking]
        place = (degraded.assessment_id, degraded.run + 1)
        (score, trouble), *_ = await asyncio.gather(*(asking.score(essay, *place) for asking in asked))
        counted = trouble is None or trouble.code in ABOUT_THE_ESSAY or await self._model_answers(degraded)
        await healing.record_try(self.pool, degraded.assessment_id, question_id, self.interval, counted=counted)
        return score is not None

    async def _essay(self, degraded: Degraded, question_id: UUID) -> Essay:
        run = await jobs.read_run(self.pool, degraded)
        question = next(question for question in run.questions if question.question_id == question_id)
        if not isinstance(question.body, EssayQuestion):
            raise TypeError("an essay's score belongs to another question")
        return Essay(question, question.body, str(run.answers[question_id]))

    async def _begin_run(self, degraded: Degraded) -> bool:
        """A run that puts to use what was bought; none where another one began meanwhile."""
        newest = NewestRun(degraded.assessment_id, degraded.run, ())
        new_ids = {job_type: uuid4() for job_type in JobType}
        told = (self.attempts, None, None, (JobType.GPT,), RunMode.CACHED)
        rings = await dead_letters.start_run(self.pool, newest, new_ids, *told)
        await notify(self.doorbell, rings)
        self.announce(degraded.assessment_id)
        return bool(rings)
