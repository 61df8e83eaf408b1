"""How far an assessment is."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from app.domain.assessment.progress import JobProgress, Stage, overall_progress, stages
from app.domain.assessment.rule_scoring import QuestionScore, ScoreSummary, summarize
from app.domain.errors import JobError
from app.domain.records.assessments import StatusJob, StatusRecord
from app.domain.result.model import Reason
from app.domain.states import AssessmentStatus, JobStatus, JobType, ScoreType
from app.domain.values import Frozen


class JobErrorView(Frozen):
    """Why a job's last try failed, in words fit for a user."""

    code: str
    detail: str


class JobView(Frozen):
    """A job; `attempts` counts the try that runs and those that failed."""

    job_id: UUID
    job_type: JobType
    status: JobStatus
    attempts: int
    max_attempts: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    error: JobErrorView | None


class RuleScores(Frozen):
    """The scores by rule, there from the submission on."""

    theoretical: ScoreSummary
    profile: ScoreSummary


class StatusView(Frozen):
    """How far an assessment is."""

    assessment_id: UUID
    status: AssessmentStatus
    submitted_at: datetime | None
    completed_at: datetime | None
    run: int
    rescoring: bool
    degraded: bool
    degraded_reasons: tuple[Reason, ...]
    overall_progress: float
    stages: tuple[Stage, ...]
    jobs: tuple[JobView, ...]
    scores: RuleScores | None
    webhook_url: str | None


def status_view(record: StatusRecord) -> StatusView:
    """The status as seen."""
    progress = [JobProgress(job.job_type, job.status, job.units_done, job.units_total) for job in record.jobs]
    shown = stages(record.status, progress)
    running = any(not job.status.ended for job in record.jobs)
    rescoring = record.status in (AssessmentStatus.COMPLETED, AssessmentStatus.FAILED) and running
    return StatusView(
        assessment_id=record.assessment_id,
        status=record.status,
        submitted_at=record.submitted_at,
        completed_at=record.completed_at,
        run=record.run,
        rescoring=rescoring,
        degraded=record.degraded,
        degraded_reasons=record.degraded_reasons,
        overall_progress=100.0 if rescoring else overall_progress(shown),
        stages=shown,
        jobs=tuple(_job_view(job) for job in record.jobs),
        scores=_rule_scores(record.rule_scores),
        webhook_url=record.webhook_url,
    )


def error_of(error: JobError) -> dict[str, str]:
    """A job's error as it is stored and shown."""
    return {"code": error.code, "detail": error.detail}


# Listed once: pydantic makes the list anew each time it is asked for, and statuses are told by the thousand.
_SHOWN_AS_IT_IS = tuple(name for name in JobView.model_fields if name != "error")


def _job_view(job: StatusJob) -> JobView:
    shown = {name: getattr(job, name) for name in _SHOWN_AS_IT_IS}
    return JobView(**shown, error=JobErrorView(**job.error) if job.error else None)


def _rule_scores(scores: Mapping[ScoreType, Iterable[QuestionScore]]) -> RuleScores | None:
    if not scores:
        return None
    return RuleScores(
        theoretical=summarize(scores.get(ScoreType.THEORETICAL, ())),
        profile=summarize(scores.get(ScoreType.PROFILE, ())),
    )
