"""The response to a submission in the API."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from app.domain.assessment.rule_scoring import RuleScore, add_up
from app.domain.result.model import Reason
from app.domain.states import AssessmentStatus, JobStatus, JobType, ReasonCode, ScoreType
from app.domain.text import count_of
from app.domain.values import Frozen
from app.schemas.scores import ScoreSummaryView


class QueuedEssays(Frozen):
    """The essays, whose scores follow later; `missing` of them have no answer."""

    status: JobStatus
    count: int
    missing: int


class SubmittedScores(Frozen):
    """The scores that are known at the submission."""

    theoretical: ScoreSummaryView
    profile: ScoreSummaryView
    essay: QueuedEssays


class QueuedJob(Frozen):
    """A job that was queued."""

    job_id: UUID
    job_type: JobType
    status: JobStatus


class Links(Frozen):
    """The addresses of an assessment, its status, events and result."""

    self: str
    status: str
    events: str
    result: str


class SubmissionView(Frozen):
    """The response to a submission."""

    assessment_id: UUID
    status: AssessmentStatus
    submitted_at: datetime
    degraded: bool
    degraded_reasons: tuple[Reason, ...]
    scores: SubmittedScores
    jobs: tuple[QueuedJob, ...]
    links: Links


def render_submission(
    assessment_id: UUID,
    submitted_at: datetime,
    reasons: Sequence[Reason],
    scores: Mapping[ScoreType, Sequence[RuleScore]],
    essays: int,
    jobs: Iterable[tuple[UUID, JobType]],
    shown_links: Links,
    *,
    shows_answers: bool,
) -> bytes:
    """A `SubmissionView` as JSON. The models are not built, which would take as long as one of the statements of a
    submission; a test compares them."""
    missing_essays = len(scores[ScoreType.ESSAY_GPT])
    view = {
        # asyncpg has a UUID of its own, which orjson does not know.
        "assessment_id": str(assessment_id),
        "status": AssessmentStatus.SUBMITTED,
        "submitted_at": submitted_at,
        "degraded": bool(reasons),
        "degraded_reasons": [reason.model_dump() for reason in reasons],
        "scores": {
            "theoretical": _summary(scores[ScoreType.THEORETICAL], shows_answers=shows_answers),
            "profile": _summary(scores[ScoreType.PROFILE], shows_answers=True),
            "essay": {"status": JobStatus.QUEUED, "count": essays, "missing": missing_essays},
        },
        "jobs": [{"job_id": job_id, "job_type": job_type, "status": JobStatus.QUEUED} for job_id, job_type in jobs],
        "links": shown_links.model_dump(),
    }
    return orjson.dumps(view, option=orjson.OPT_UTC_Z)


def _summary(scores: Sequence[RuleScore], *, shows_answers: bool) -> dict[str, Any]:
    totals = add_up(scores)
    return {
        "score": totals.score,
        "max_score": totals.max_score,
        "percentage": totals.percentage,
        "count": totals.count,
        "missing": totals.missing,
        "questions": [
            {
                "question_id": line.question_id,
                "score": line.score if shows_answers else None,
                "max_score": line.max_score,
                "correct": line.correct if shows_answers else None,
                "missing": line.missing,
            }
            for line in scores
        ],
    }


def links(assessment_id: UUID, public_url: str = "") -> Links:
    """The addresses of an assessment; without a `public_url`, their paths."""
    base = f"{public_url}/assessments/{assessment_id}"
    return Links(self=base, status=f"{base}/status", events=f"{base}/events", result=f"{base}/result")


def missing_reason(missing: int, total: int) -> tuple[Reason, ...]:
    """The reason for being degraded if questions have no answer."""
    if not missing:
        return ()
    has = "has" if missing == 1 else "have"
    detail = f"{missing} of {count_of(total, 'question')} {has} no answer"
    return (Reason(code=ReasonCode.MISSING_RESPONSES, stage="rule_score", detail=detail),)
