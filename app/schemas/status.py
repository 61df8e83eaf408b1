"""The status of an assessment in the API."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from app.domain.assessment.disclosure import FULL_DISCLOSURE, Disclosure
from app.domain.assessment.progress import JobProgress, Stage, overall_progress, stages
from app.domain.assessment.rule_scoring import QuestionScore, summarize
from app.domain.records.assessments import StatusJob, StatusRecord
from app.domain.records.jobs import JobFailure
from app.domain.result.model import Reason
from app.domain.states import AssessmentStatus, JobStatus, JobType, ScoreType
from app.domain.values import Frozen
from app.schemas.scores import ScoreSummaryView, score_summary_view


class JobView(Frozen):
    """A job; `attempts` counts the running attempt and those that failed."""

    job_id: UUID
    job_type: JobType
    status: JobStatus
    attempts: int
    max_attempts: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    error: JobFailure | None


class RuleScores(Frozen):
    """The scores by rule, which exist from the submission on."""

    theoretical: ScoreSummaryView
    profile: ScoreSummaryView


class StatusView(Frozen):
    """The status of an assessment."""

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


def status_view(record: StatusRecord, disclosure: Disclosure = FULL_DISCLOSURE) -> StatusView:
    """The status as a reader of this `disclosure` sees it."""
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
        scores=_rule_scores(record.rule_scores, disclosure),
        webhook_url=record.webhook_url,
    )


# A constant, because pydantic builds this mapping at each access, and there are thousands of statuses.
_JOB_FIELDS = tuple(JobView.model_fields)


def _job_view(job: StatusJob) -> JobView:
    return JobView(**{name: getattr(job, name) for name in _JOB_FIELDS})


def _rule_scores(scores: Mapping[ScoreType, Iterable[QuestionScore]], disclosure: Disclosure) -> RuleScores | None:
    if not scores:
        return None
    theory, profile = (summarize(scores.get(kind, ())) for kind in (ScoreType.THEORETICAL, ScoreType.PROFILE))
    return RuleScores(
        theoretical=score_summary_view(theory, shows_answers=disclosure.answers),
        profile=score_summary_view(profile, shows_answers=True),
    )
