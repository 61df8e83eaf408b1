"""What clients see: the bodies of the contract, and how records become them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.answers import Answer
from app.domain.catalog import CredentialBody, TrackBody
from app.domain.errors import Trouble
from app.domain.progress import JobProgress, Stage, overall_progress, stages
from app.domain.questions import EssayQuestion, ProfileQuestion, QuestionForStudent, TheoreticalQuestion, for_student
from app.domain.records import (
    Assessment,
    AssessmentLine,
    BankQuestion,
    Credential,
    StatusJob,
    StatusRecord,
    Track,
)
from app.domain.result import Reason
from app.domain.rule_scoring import QuestionScore, ScoreSummary, summarize
from app.domain.states import AssessmentStatus, JobStatus, JobType, ReasonCode, ScoreType
from app.domain.values import Frozen


class TrackView(TrackBody):
    """A track; `sample` marks what came with the software."""

    sample: bool


class TrackPage(Frozen):
    """A page of tracks."""

    items: tuple[TrackView, ...]
    next_cursor: str | None


class _BankQuestionView(Frozen):
    question_id: UUID
    version: int
    track: str
    sample: bool


class TheoreticalQuestionView(TheoreticalQuestion, _BankQuestionView):
    """A theoretical question of the bank, with its key."""


class ProfileQuestionView(ProfileQuestion, _BankQuestionView):
    """A profile question of the bank."""


class EssayQuestionView(EssayQuestion, _BankQuestionView):
    """An essay question of the bank, with its model answer and rubric."""


QuestionView = TheoreticalQuestionView | ProfileQuestionView | EssayQuestionView


class QuestionPage(Frozen):
    """A page of questions."""

    items: tuple[QuestionView, ...]
    next_cursor: str | None


class CredentialView(CredentialBody):
    """One version of a credential; `sample` marks what came with the software."""

    credential_id: UUID
    version: int
    sample: bool


class CredentialPage(Frozen):
    """A page of credentials."""

    items: tuple[CredentialView, ...]
    next_cursor: str | None


class ResponseView(Frozen):
    """An answer as saved."""

    question_id: UUID
    answer: str | int | float | tuple[str, ...]
    saved_at: datetime


class AssessmentView(Frozen):
    """An assessment as its student works on it."""

    assessment_id: UUID
    track: str
    status: AssessmentStatus
    created_at: datetime
    expires_at: datetime
    submitted_at: datetime | None
    questions: tuple[QuestionForStudent, ...]
    responses: tuple[ResponseView, ...]


class AssessmentLineView(Frozen):
    """One line of a list of assessments."""

    assessment_id: UUID
    track: str
    owner: str
    status: AssessmentStatus
    degraded: bool
    created_at: datetime
    expires_at: datetime
    submitted_at: datetime | None
    completed_at: datetime | None


class AssessmentPage(Frozen):
    """A page of assessments."""

    items: tuple[AssessmentLineView, ...]
    next_cursor: str | None


class SavedView(Frozen):
    """What a save did: responses in the request, and questions with an answer of all."""

    assessment_id: UUID
    saved: int
    answered: int
    total: int


class QueuedEssays(Frozen):
    """The essays that wait for their scores; `missing` ones have no answer."""

    status: JobStatus
    count: int
    missing: int


class SubmittedScores(Frozen):
    """What is known at the submission."""

    theoretical: ScoreSummary
    profile: ScoreSummary
    essay: QueuedEssays


class QueuedJob(Frozen):
    """A job that was queued."""

    job_id: UUID
    job_type: JobType
    status: JobStatus


class Links(Frozen):
    """Where to go from here."""

    self: str
    status: str
    events: str
    result: str


class SubmissionView(Frozen):
    """The answer to a submission."""

    assessment_id: UUID
    status: AssessmentStatus
    submitted_at: datetime
    degraded: bool
    degraded_reasons: tuple[Reason, ...]
    scores: SubmittedScores
    jobs: tuple[QueuedJob, ...]
    links: Links


class JobError(Frozen):
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
    error: JobError | None


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


def track_view(track: Track) -> TrackView:
    """A track as seen."""
    return TrackView(**_fields(track.body), sample=track.sample)


def question_view(question: BankQuestion) -> QuestionView:
    """A question of the bank as staff sees it."""
    told: dict[str, Any] = _fields(question.body)
    told |= {"question_id": question.question_id, "version": question.version}
    told |= {"track": question.track, "sample": question.sample}
    match question.body:
        case TheoreticalQuestion():
            return TheoreticalQuestionView(**told)
        case ProfileQuestion():
            return ProfileQuestionView(**told)
        case EssayQuestion():
            return EssayQuestionView(**told)


def credential_view(credential: Credential) -> CredentialView:
    """A credential as seen."""
    return CredentialView(
        **_fields(credential.body),
        credential_id=credential.credential_id,
        version=credential.version,
        sample=credential.sample,
    )


def assessment_view(assessment: Assessment) -> AssessmentView:
    """An assessment as seen, without anything that gives an answer away."""
    return AssessmentView(
        assessment_id=assessment.id,
        track=assessment.track,
        status=assessment.status,
        created_at=assessment.created_at,
        expires_at=assessment.expires_at,
        submitted_at=assessment.submitted_at,
        questions=tuple(for_student(question) for question in assessment.questions),
        responses=tuple(
            ResponseView(question_id=saved.question_id, answer=_known(saved.answer), saved_at=saved.saved_at)
            for saved in assessment.responses
        ),
    )


def line_view(line: AssessmentLine) -> AssessmentLineView:
    """A line of a list as seen."""
    return AssessmentLineView(**vars(line))


def links(assessment_id: UUID) -> Links:
    """The addresses of an assessment."""
    base = f"/assessments/{assessment_id}"
    return Links(self=base, status=f"{base}/status", events=f"{base}/events", result=f"{base}/result")


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


def missing_reason(missing: int, total: int) -> tuple[Reason, ...]:
    """The reason for unanswered questions, if there are any."""
    if not missing:
        return ()
    has = "has" if missing == 1 else "have"
    detail = f"{missing} of {total} questions {has} no answer"
    return (Reason(code=ReasonCode.MISSING_RESPONSES, stage="rule_score", detail=detail),)


def error_of(trouble: Trouble) -> dict[str, str]:
    """A job's error as it is stored and shown."""
    return {"code": trouble.code, "detail": trouble.detail}


def _job_view(job: StatusJob) -> JobView:
    shown = {name: getattr(job, name) for name in JobView.model_fields if name != "error"}
    return JobView(**shown, error=JobError(**job.error) if job.error else None)


def _rule_scores(scores: Mapping[ScoreType, Iterable[QuestionScore]]) -> RuleScores | None:
    if not scores:
        return None
    return RuleScores(
        theoretical=summarize(scores.get(ScoreType.THEORETICAL, ())),
        profile=summarize(scores.get(ScoreType.PROFILE, ())),
    )


def _fields(body: Frozen) -> dict[str, Any]:
    return {name: getattr(body, name) for name in type(body).model_fields}


def _known(answer: Answer) -> str | int | float | tuple[str, ...]:
    if answer is None:
        raise ValueError("a saved response has an answer")
    return answer
