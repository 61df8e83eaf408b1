"""The progress of an assessment: four weighted stages and the overall percentage."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from app.domain.states import AssessmentStatus, JobStatus, JobType
from app.domain.values import Frozen, percentage


class StageName(StrEnum):
    """The stages of an assessment, in display order."""

    RULE_SCORE = "rule_score"
    GPT = "gpt"
    RAG = "rag"
    FUSION = "fusion"


WEIGHTS = {StageName.RULE_SCORE: 20, StageName.GPT: 30, StageName.RAG: 30, StageName.FUSION: 20}


class Stage(Frozen):
    """One stage; `weight` and `percentage` in percent."""

    name: StageName
    weight: int
    status: JobStatus
    percentage: float


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How many of a job's units (for `gpt`, essays) are done."""

    job_type: JobType
    status: JobStatus
    done: int
    total: int


def stages(status: AssessmentStatus, jobs: Iterable[JobProgress]) -> tuple[Stage, ...]:
    """The four stages. A failed stage counts as done, since nothing more will be tried."""
    by_type = {job.job_type: job for job in jobs}
    submitted = bool(by_type) or status in (AssessmentStatus.COMPLETED, AssessmentStatus.FAILED)
    rule_status = JobStatus.COMPLETED if submitted else JobStatus.QUEUED
    first = _stage(StageName.RULE_SCORE, rule_status, 100.0 if submitted else 0.0)
    return (first, *(_job_stage(job_type, by_type.get(job_type)) for job_type in JobType))


def overall_progress(stages: Iterable[Stage]) -> float:
    """The weighted sum of the stages' percentages, 0–100."""
    return round(sum(stage.weight * stage.percentage for stage in stages) / 100, 1)


def _job_stage(job_type: JobType, job: JobProgress | None) -> Stage:
    name = StageName(job_type.value)
    if job is None:
        return _stage(name, JobStatus.QUEUED, 0.0)
    return _stage(name, job.status, 100.0 if job.status.ended else percentage(job.done, job.total))


def _stage(name: StageName, status: JobStatus, percent: float) -> Stage:
    return Stage(name=name, weight=WEIGHTS[name], status=status, percentage=percent)
