"""Overriding a score: a person's score counts in place of the machine's, at once and in later runs."""

from dataclasses import dataclass
from uuid import UUID

from app.domain.assessment.disclosure import FULL_DISCLOSURE
from app.domain.assessment.questions import Question, TheoreticalQuestion
from app.domain.errors import FieldError, InvalidFields, NotFound
from app.domain.job.notification import JobNotification
from app.domain.records.jobs import RunInputs
from app.domain.result.fusion import REVIEW_BELOW_CONFIDENCE, fuse
from app.domain.result.model import Override, Result
from app.domain.result.readiness import check_result
from app.domain.states import AuditAction, AuditEntity
from app.repositories import assessments, audit, jobs, overrides
from app.repositories.overrides import NewOverride
from app.repositories.sql import Executor, Pool
from app.schemas import ResultView, result_view
from app.services.assessments import lookup
from app.services.caller import Access
from app.services.results.fuse import fusion_input


@dataclass(frozen=True)
class ScoreOverride:
    """A person's score of a question, in points, with the reason."""

    question: Question
    score: float
    reason: str
    by: str


@dataclass(frozen=True)
class OverriddenResult:
    """The result; whether the override `changed` it; the notification of its webhook delivery, if there is one."""

    view: ResultView
    changed: bool
    notification: JobNotification | None


async def find_question(db: Executor, assessment_id: UUID, question_id: UUID, access: Access | None = None) -> Question:
    """The question, in the version of the assessment, if the caller may have it.

    Raises:
        NotFound: there is no such assessment, or it has no such question.
        Forbidden: the caller may not change scores of this assessment.
    """
    assessment = await lookup.find_assessment(db, assessment_id)
    question = assessment.questions_by_id.get(question_id)
    if question is None:
        raise NotFound("this assessment has no such question")
    if access:
        access.check_owner(assessment.owner)
    return question


def check_points(question: Question, score: float) -> None:
    """Returns if the question can earn this score.

    Raises:
        InvalidFields: the score is too high.
    """
    if score > question.body.weight:
        raise InvalidFields([FieldError("/score", f"must be at most the question's {question.body.weight:g} points")])


async def override(
    pool: Pool, assessment_id: UUID, score_override: ScoreOverride, review_below: float = REVIEW_BELOW_CONFIDENCE
) -> OverriddenResult:
    """Stores the score and computes the newest result again, in one transaction. If the same person gave the same score
    and reason before, nothing changes. Recommendations, processing and completion time of the result stay.

    The score also counts if a later run is being fused at the same time: that fusion reads the override, or has to read
    again (`complete_assessment` in jobs.sql), or has finished before the assessment's row is locked here.

    Raises:
        NotSubmitted, NoResultYet, AssessmentFailed: there is no result.
    """
    async with pool.acquire() as conn, conn.transaction():
        _, status = await assessments.lock(conn, assessment_id)
        check_result(status)
        present = await overrides.read_newest_result(conn, assessment_id)
        run = await jobs.read_run(conn, present)
        question_id = score_override.question.question_id
        if _is_same(run.overrides.get(question_id), score_override):
            return OverriddenResult(_view(present.result, run), changed=False, notification=None)
        made_at = await overrides.add(conn, assessment_id, _with_machine_score(run, score_override))
        new = Override(score=score_override.score, reason=score_override.reason, by=score_override.by, at=made_at)
        overrides_now = run.overrides | {question_id: new}
        completed_at, processing = present.result.completed_at, present.result.processing
        result = fuse(fusion_input(run, overrides_now, completed_at, processing, review_below))
        notification = await overrides.replace_result(conn, present.run, result)
        key = f"{assessment_id}/{question_id}"
        await audit.record(conn, new.by, AuditAction.OVERRIDE, AuditEntity.SCORE, key, new)
    return OverriddenResult(_view(result, run), changed=True, notification=notification)


def _view(result: Result, run: RunInputs) -> ResultView:
    explanations = {
        question.question_id: question.body.explanation
        for question in run.questions
        if isinstance(question.body, TheoreticalQuestion) and question.body.explanation
    }
    return result_view(result, explanations, FULL_DISCLOSURE)


def _is_same(present: Override | None, new: ScoreOverride) -> bool:
    return present is not None and (present.score, present.reason, present.by) == (new.score, new.reason, new.by)


def _with_machine_score(run: RunInputs, new: ScoreOverride) -> NewOverride:
    question_id = new.question.question_id
    rule_scores = {line.question_id: line.score for lines in run.rule_scores.values() for line in lines}
    essay = next((line for line in run.essays if line.question_id == question_id), None)
    return NewOverride(
        question=new.question,
        score=new.score,
        reason=new.reason,
        by=new.by,
        machine_score=essay.score if essay else rule_scores.get(question_id),
        scorer=essay.scorer if essay else None,
    )
