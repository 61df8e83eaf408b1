"""The `fusion` job: computes the result of a run from the scores and the recommendations."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter

from app.domain.errors import JobError, TransientError
from app.domain.records.jobs import ClaimedJob, RunInputs, RunJob
from app.domain.result.fusion import REVIEW_BELOW_CONFIDENCE, FusionInput, fuse
from app.domain.result.model import Override, Processing, Reason, Recommendation
from app.domain.states import JobType, ScoreType
from app.domain.values import rounded_dollars
from app.repositories import jobs
from app.repositories.jobs import FinishedJob, NewerOverrides
from app.repositories.sql import Pool
from app.schemas import missing_reason
from app.services.jobs.claimed_run import read_claimed_run

_recommendations: TypeAdapter[tuple[Recommendation, ...]] = TypeAdapter(tuple[Recommendation, ...])

# If a score was overridden since the last read, it is read again; nobody overrides this often in that time.
_MAX_READS = 5


@dataclass(frozen=True)
class FusionJob:
    """Computes and stores results. Scores of essays with less confidence than `review_below` are provisional."""

    pool: Pool
    review_below: float = REVIEW_BELOW_CONFIDENCE

    async def run(self, job: ClaimedJob) -> FinishedJob | None:
        """Stores the result and completes the assessment.

        Raises:
            LeaseLost: the job was erased.
            PermanentError: scores are missing without a reason.
            TransientError: scores were overridden again and again meanwhile.
        """
        started = time.monotonic()
        for _ in range(_MAX_READS):
            run = await read_claimed_run(self.pool, job)
            result = fuse(fusion_input(run, run.overrides, run.now, _processing(run, started), self.review_below))
            try:
                return await jobs.complete_assessment(self.pool, job, result, run.overrides_version)
            except NewerOverrides:
                continue
        raise TransientError("scores_overridden", "scores were overridden while the result was computed")

    async def give_up(self, job: ClaimedJob, error: JobError) -> FinishedJob | None:
        """Ends the assessment as failed; the rule scores stay."""
        return await jobs.fail_assessment(self.pool, job, error)


def fusion_input(
    run: RunInputs,
    overrides: Mapping[UUID, Override],
    completed_at: datetime,
    processing: Processing,
    review_below: float = REVIEW_BELOW_CONFIDENCE,
) -> FusionInput:
    """Everything that goes into the result of a run."""
    return FusionInput(
        assessment_id=run.assessment_id,
        track=run.track,
        completed_at=completed_at,
        questions=run.questions,
        rule_scores=run.rule_scores,
        essays=run.essays,
        recommendations=_recommended(run.jobs[JobType.RAG]),
        reasons=_reasons(run),
        processing=processing,
        overrides=overrides,
        review_below=review_below,
    )


def _recommended(rag: RunJob) -> tuple[Recommendation, ...]:
    return _recommendations.validate_python((rag.output or {}).get("recommendations", ()))


def _reasons(run: RunInputs) -> tuple[Reason, ...]:
    rule_lines = [line for kind in ScoreType for line in run.rule_scores.get(kind, ())]
    missing = sum(line.missing for line in rule_lines) + sum(line.missing for line in run.essays)
    of_jobs = (reason for job_type in JobType for reason in run.jobs[job_type].reasons)
    return (*missing_reason(missing, len(run.questions)), *of_jobs)


def _processing(run: RunInputs, started: float) -> Processing:
    stages = {
        job.job_type: _milliseconds((job.completed_at - job.started_at).total_seconds())
        for job in run.jobs.values()
        if job.started_at and job.completed_at
    }
    stages[JobType.FUSION] = _milliseconds(time.monotonic() - started)
    duration = _milliseconds((run.now - run.began_at).total_seconds())
    return Processing(duration_ms=duration, stages=stages, tokens=run.tokens, cost_usd=rounded_dollars(run.cost_usd))


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
