"""Points by people: a person's score counts in place of the machine's, at once and in later runs. A confirmation of the
machine's score is stored in the same way, with the same points."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from app.domain.assessment.disclosure import FULL_DISCLOSURE
from app.domain.assessment.questions import EssayQuestion, Question, TheoreticalQuestion
from app.domain.errors import FieldError, InvalidFields, NotFound, NothingToConfirm
from app.domain.essay.score import DIMENSIONS_TOTAL, DimensionName, DimensionPoints
from app.domain.job.notification import JobNotification
from app.domain.records.appeals import QuestionAppeal
from app.domain.records.jobs import RunInputs
from app.domain.result.fusion import REVIEW_BELOW_CONFIDENCE, fuse
from app.domain.result.model import EssayLine, Override, Result
from app.domain.result.readiness import check_result
from app.domain.states import AuditAction, AuditEntity
from app.domain.values import points
from app.repositories import audit, jobs
from app.repositories.results import appeals, overrides, reviews
from app.repositories.results.overrides import NewOverride
from app.repositories.sql import Connection, Executor, Pool
from app.schemas import ResultView, result_view
from app.services.assessments import lookup
from app.services.caller import Access
from app.services.results.fuse import fusion_input

_CONFIRMED = "The machine's score was confirmed."


@dataclass(frozen=True)
class ScoreOverride:
    """A person's score of a question, in points, with the reason: given in total or by `dimensions`, or `confirmed`."""

    question: Question
    score: float
    reason: str
    by: str
    dimensions: DimensionPoints | None = None
    confirmed: bool = False


@dataclass(frozen=True)
class DimensionsOverride:
    """A person's points of some dimensions of an essay, with the reason; the other dimensions keep their points."""

    question: Question
    dimensions: Mapping[DimensionName, int]
    reason: str
    by: str


@dataclass(frozen=True)
class Confirmation:
    """A person's agreement with the machine's score of a question."""

    question: Question
    by: str


@dataclass(frozen=True)
class OverriddenResult:
    """The result; whether the override `changed` it; the notification of its webhook delivery, if there is one."""

    view: ResultView
    changed: bool
    notification: JobNotification | None


Review = ScoreOverride | DimensionsOverride | Confirmation


@dataclass(frozen=True)
class _MachineScore:
    """The machine's score of a question, with the line of an essay; None where there is no score."""

    score: float | None
    essay: EssayLine | None


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


def check_dimensions(question: Question) -> None:
    """Returns if the question has dimensions.

    Raises:
        InvalidFields: it is not an essay.
    """
    if not isinstance(question.body, EssayQuestion):
        raise InvalidFields([FieldError("/dimensions", "only essays have dimensions")])


async def override(
    pool: Pool, assessment_id: UUID, review: Review, review_below: float = REVIEW_BELOW_CONFIDENCE
) -> OverriddenResult:
    """Stores a person's score or confirmation and computes the newest result again, in one transaction. If the same
    person gave the same score and reason before, nothing changes. Recommendations, processing and completion time of
    the result stay. A reservation of the item ends.

    The score also counts if a later run is being fused at the same time: that fusion reads the override, or has to read
    again (`complete_assessment` in jobs.sql), or has finished before the assessment's row is locked here.

    Raises:
        NotFound: there is no such assessment.
        NotSubmitted, NoResultYet, AssessmentFailed: there is no result.
        NothingToConfirm: the machine has given no score.
        InvalidFields: a dimension has neither new points nor any that it could keep.
    """
    async with pool.acquire() as conn, conn.transaction():
        return await override_in_transaction(conn, assessment_id, review, review_below)


async def override_in_transaction(
    conn: Connection, assessment_id: UUID, review: Review, review_below: float, *, never_lower: bool = False
) -> OverriddenResult:
    """The same as `override`, in a transaction of the caller; with `never_lower`, points under those that count today
    are refused.

    Raises:
        NotFound, NotSubmitted, NoResultYet, AssessmentFailed, NothingToConfirm, InvalidFields.
    """
    _, status = await lookup.lock_assessment(conn, assessment_id)
    check_result(status)
    present = await overrides.read_newest_result(conn, assessment_id)
    run = lookup.existing(await jobs.read_run(conn, present))
    question_id = review.question.question_id
    machine, former = _machine_score(run, question_id), run.overrides.get(question_id)
    score_override = _score_override(review, machine, former)
    if never_lower:
        _check_not_lower(score_override, former.score if former else machine.score)
    appealed = await appeals.of_assessment(conn, assessment_id)
    await reviews.end_reservation(conn, assessment_id, question_id)
    if _is_same(former, score_override):
        return OverriddenResult(_view(present.result, run, appealed), changed=False, notification=None)
    new = await _store(conn, assessment_id, score_override, machine)
    overrides_now = run.overrides | {question_id: new}
    completed_at, processing = present.result.completed_at, present.result.processing
    result = fuse(fusion_input(run, overrides_now, completed_at, processing, review_below))
    notification = await overrides.replace_result(conn, present.run, result)
    key = f"{assessment_id}/{question_id}"
    action = AuditAction.CONFIRM if new.confirmed else AuditAction.OVERRIDE
    await audit.record(conn, new.by, action, AuditEntity.SCORE, key, new)
    return OverriddenResult(_view(result, run, appealed), changed=True, notification=notification)


def _check_not_lower(new: ScoreOverride, present: float | None) -> None:
    if present is not None and new.score < present:
        pointer = "/score" if new.dimensions is None else "/dimensions"
        detail = f"an appeal never lowers a score: {present:g} points count today, and these would be {new.score:g}"
        raise InvalidFields([FieldError(pointer, detail)])


async def _store(conn: Connection, assessment_id: UUID, new: ScoreOverride, machine: _MachineScore) -> Override:
    row = NewOverride(
        question=new.question,
        score=new.score,
        reason=new.reason,
        by=new.by,
        dimensions=new.dimensions,
        confirmed=new.confirmed,
        machine_score=machine.score,
        scorer=machine.essay.scorer if machine.essay else None,
    )
    made_at = await overrides.add(conn, assessment_id, row)
    return Override(
        score=new.score, reason=new.reason, by=new.by, at=made_at, dimensions=new.dimensions, confirmed=new.confirmed
    )


def _score_override(review: Review, machine: _MachineScore, former: Override | None) -> ScoreOverride:
    match review:
        case Confirmation(question, by):
            if machine.score is None:
                raise NothingToConfirm("this question has no score of the machine; give it points instead")
            return ScoreOverride(question, machine.score, _CONFIRMED, by, confirmed=True)
        case DimensionsOverride(question, changed, reason, by):
            dimensions = _all_dimensions(changed, machine.essay, former)
            score = points(question.body.weight, dimensions.total / DIMENSIONS_TOTAL)
            return ScoreOverride(question, score, reason, by, dimensions)
        case ScoreOverride():
            return review


def _all_dimensions(
    changed: Mapping[DimensionName, int], essay: EssayLine | None, former: Override | None
) -> DimensionPoints:
    """The given points with those that a person, or else the machine, gave the other dimensions before."""
    kept: dict[DimensionName, int] = {}
    if former and former.dimensions:
        kept = {name: getattr(former.dimensions, name) for name in DimensionName}
    elif essay and essay.dimensions:
        kept = {name: getattr(essay.dimensions, name).score for name in DimensionName}
    missing = [name for name in DimensionName if name not in changed and name not in kept]
    if missing:
        raise InvalidFields(
            FieldError(f"/dimensions/{name}", "is needed, because the dimension has no points yet") for name in missing
        )
    return DimensionPoints(**{name.value: changed.get(name, kept.get(name, 0)) for name in DimensionName})


def _view(result: Result, run: RunInputs, appealed: Mapping[UUID, QuestionAppeal]) -> ResultView:
    explanations = {
        question.question_id: question.body.explanation
        for question in run.questions
        if isinstance(question.body, TheoreticalQuestion) and question.body.explanation
    }
    return result_view(result, explanations, appealed, FULL_DISCLOSURE)


def _is_same(present: Override | None, new: ScoreOverride) -> bool:
    if present is None:
        return False
    names = ("score", "reason", "by", "dimensions", "confirmed")
    return all(getattr(present, name) == getattr(new, name) for name in names)


def _machine_score(run: RunInputs, question_id: UUID) -> _MachineScore:
    essay = next((line for line in run.essays if line.question_id == question_id), None)
    if essay:
        return _MachineScore(essay.score, essay)
    rule_scores = {line.question_id: line.score for lines in run.rule_scores.values() for line in lines}
    return _MachineScore(rule_scores.get(question_id), None)
