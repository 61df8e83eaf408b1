"""The `fusion` job: one result out of what the rules and the other two jobs found."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter

from app.domain.errors import JobError, TransientError
from app.domain.records.assessments import ClaimedJob, RunInputs, RunJob
from app.domain.result.fusion import RunFacts, fuse
from app.domain.result.model import Override, Processing, Reason, Recommendation, Result
from app.domain.states import JobType, ScoreType
from app.repositories import jobs
from app.repositories.jobs import FinishedJob, NewerOverrides
from app.repositories.sql import Pool
from app.schemas import error_of, missing_reason

_recommendations: TypeAdapter[tuple[Recommendation, ...]] = TypeAdapter(tuple[Recommendation, ...])

# A fusion that finds a score overridden since its read reads again; nobody grades faster than this.
_READS = 5


@dataclass(frozen=True)
class FusionJob:
    """Puts results together."""

    pool: Pool

    async def run(self, job: ClaimedJob) -> FinishedJob | None:
        """Writes the result and ends the assessment.

        Raises:
            LastingTrouble: scores are missing without a reason.
            PassingTrouble: scores were overridden again and again meanwhile.
        """
        started = time.monotonic()
        for _ in range(_READS):
            run = await jobs.read_run(self.pool, job)
            result = _fused(run, started)
            try:
                return await jobs.complete_assessment(self.pool, job, result, run.overrides_version)
            except NewerOverrides:
                continue
        raise TransientError("scores_overridden", "people overrode scores while the result was put together")

    async def give_up(self, job: ClaimedJob, trouble: JobError) -> FinishedJob | None:
        """Ends the assessment as failed; the scores by rule stay."""
        return await jobs.fail_assessment(self.pool, job, error_of(trouble))


def _fused(run: RunInputs, started: float) -> Result:
    return fuse(facts_of(run, run.overrides, run.now, _processing(run, started)))


def facts_of(
    run: RunInputs, overrides: Mapping[UUID, Override], completed_at: datetime, processing: Processing
) -> RunFacts:
    """What the result of a run is made of."""
    return RunFacts(
        assessment_id=run.assessment_id,
        track=run.track,
        completed_at=completed_at,
        questions=run.questions,
        rule_scores=run.rule_scores,
        essays=run.essays,
        recommendations=_found(run.jobs[JobType.RAG]),
        reasons=_reasons(run),
        processing=processing,
        overrides=overrides,
    )


def _found(rag: RunJob) -> tuple[Recommendation, ...]:
    return _recommendations.validate_python((rag.output or {}).get("recommendations", ()))


def _reasons(run: RunInputs) -> tuple[Reason, ...]:
    rule_lines = [line for kind in ScoreType for line in run.rule_scores.get(kind, ())]
    missing = sum(line.missing for line in rule_lines) + sum(line.missing for line in run.essays)
    told = [reason for job_type in JobType for reason in run.jobs[job_type].reasons]
    return (*missing_reason(missing, len(run.questions)), *told)


def _processing(run: RunInputs, started: float) -> Processing:
    took = {
        job.job_type: _milliseconds((job.completed_at - job.started_at).total_seconds())
        for job in run.jobs.values()
        if job.started_at and job.completed_at
    }
    took[JobType.FUSION] = _milliseconds(time.monotonic() - started)
    duration = _milliseconds((run.now - run.began_at).total_seconds())
    return Processing(duration_ms=duration, stages=took, tokens=run.tokens, cost_usd=round(run.cost_usd, 6))


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
