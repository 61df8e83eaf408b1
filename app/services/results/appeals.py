"""Appeals: the owner of a result asks for a person about the score of a question, once, and a person answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.errors import (
    AlreadyAppealed,
    AppealAnswered,
    FieldError,
    Forbidden,
    InvalidFields,
    NotFound,
    NothingToAppeal,
)
from app.domain.essay.score import DimensionName
from app.domain.job.notification import JobNotification
from app.domain.records.appeals import AppealRecord
from app.domain.result.appeals import check_appeal_time
from app.domain.result.fusion import REVIEW_BELOW_CONFIDENCE
from app.domain.result.model import EssayLine, QuestionLine, Result
from app.domain.result.readiness import check_result
from app.domain.states import AppealDecision, AppealFilter, AppealStatus, AuditAction, AuditEntity, EventType
from app.domain.values import Frozen
from app.repositories import audit
from app.repositories.results import appeals, overrides, reviews
from app.repositories.sql import Connection, Executor, Pool
from app.services import paging
from app.services.assessments import lookup
from app.services.caller import Access
from app.services.results import override
from app.services.results.override import DimensionsOverride, Review, ScoreOverride

# Days after which somebody of whom nothing more was seen does not count as another member of staff: they may have left,
# and nobody could answer any more.
STAFF_SEEN_DAYS = 90

_STATUSES: Mapping[AppealFilter | None, tuple[AppealStatus, ...]] = {
    None: tuple(AppealStatus),
    AppealFilter.OPEN: (AppealStatus.OPEN,),
    AppealFilter.UPHELD: (AppealStatus.UPHELD,),
    AppealFilter.CHANGED: (AppealStatus.CHANGED,),
    AppealFilter.ANSWERED: (AppealStatus.UPHELD, AppealStatus.CHANGED),
}


@dataclass(frozen=True)
class AppealAnswer:
    """A person's answer to an appeal: the points are `upheld`, or `changed` to a `score` or to points by dimension."""

    by: str
    decision: AppealDecision
    reply: str
    score: float | None = None
    dimensions: Mapping[DimensionName, int] | None = None


@dataclass(frozen=True)
class AppealChange:
    """An appeal that was made or answered, and the notifications of webhook deliveries to send after the commit."""

    appeal: AppealRecord
    notifications: tuple[JobNotification, ...]


class AuditedAnswer(Frozen):
    """What the audit log keeps of an answer."""

    appeal_id: UUID
    decision: AppealDecision
    reason: str


async def make(
    conn: Connection,
    assessment_id: UUID,
    question_id: UUID,
    text: str,
    appeal_days: float,
    now: datetime,
    actor: str | None = None,
) -> AppealChange:
    """Stores an appeal of a question's score and puts it into the review queue. Has to run in a transaction, after it
    was checked that the caller owns the assessment and that it has the question. With an `actor` it is audited.

    Raises:
        NotFound: there is no such assessment.
        NotSubmitted, NoResultYet, AssessmentFailed: there is no result.
        NothingToAppeal: the question has no score.
        AlreadyAppealed: it was appealed before.
        AppealTooLate: the time for appeals is over.
    """
    _, status = await lookup.lock_assessment(conn, assessment_id)
    check_result(status)
    result = (await overrides.read_newest_result(conn, assessment_id)).result
    line = _line(result, question_id)
    if line is None or line.points is None:
        raise NothingToAppeal("this question has no score yet; a person is asked for one anyway")
    appeal_id = await appeals.add(conn, assessment_id, question_id, text)
    if appeal_id is None:
        raise AlreadyAppealed("this question was appealed before; the result has the answer once there is one")
    check_appeal_time(result.completed_at, appeal_days, now)
    confidence = line.confidence if isinstance(line, EssayLine) else None
    await appeals.add_to_queue(conn, assessment_id, question_id, confidence)
    appeal = await _find(conn, appeal_id)
    notification = await appeals.announce(conn, appeal, EventType.APPEALED)
    if actor is not None:
        await audit.record(conn, actor, AuditAction.CREATE, AuditEntity.APPEAL, f"{assessment_id}/{question_id}")
    return AppealChange(appeal, (notification,) if notification else ())


async def page(
    db: Executor, wanted: AppealFilter | None, after: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[AppealRecord], str | None]:
    """A page of appeals, longest waiting first, and the cursor of the next page."""
    rows = await appeals.page(db, _STATUSES[wanted], after, limit + 1)
    return paging.first_page(rows, limit, lambda row: (row.created_at.isoformat(), str(row.appeal_id)))


async def find(db: Executor, appeal_id: UUID) -> AppealRecord:
    """The appeal.

    Raises:
        NotFound: there is none with this id.
    """
    return await _find(db, appeal_id)


async def find_answerable(db: Executor, appeal_id: UUID, access: Access) -> AppealRecord:
    """The appeal, if the caller may answer it.

    Raises:
        NotFound: there is none with this id.
        Forbidden: it is the caller's own, or about points that the caller gave, and there is another member of staff.
    """
    appeal = await _find(db, appeal_id)
    access.check_owner(appeal.owner)
    await _check_person(db, appeal, access.caller.principal)
    return appeal


async def answer(
    pool: Pool, appeal_id: UUID, new: AppealAnswer, review_below: float = REVIEW_BELOW_CONFIDENCE
) -> AppealChange:
    """Answers an appeal, and with the decision `changed` overrides the score, in one transaction. The item leaves the
    review queue unless it has other reasons, and its reservation ends.

    Raises:
        NotFound: there is none with this id.
        Forbidden: as in `find_answerable`.
        InvalidFields: points are missing, too many, fewer than those that count today, or not for this decision.
        AppealAnswered: there is an answer already.
    """
    async with pool.acquire() as conn:
        appeal = await _find(conn, appeal_id)
        review = await _review(conn, appeal, new)
        async with conn.transaction():
            return await _answer(conn, appeal, new, review, review_below)


async def _answer(
    conn: Connection, appeal: AppealRecord, new: AppealAnswer, review: Review | None, review_below: float
) -> AppealChange:
    place = appeal.assessment_id, appeal.question_id
    await lookup.lock_assessment(conn, appeal.assessment_id)
    # Whose points count may have changed until now.
    await _check_person(conn, await _find(conn, appeal.appeal_id), new.by)
    if not await appeals.answer(conn, appeal.appeal_id, new.decision, new.reply, new.by):
        raise AppealAnswered("this appeal was answered already")
    notifications = []
    if review:
        overridden = await override.override_in_transaction(
            conn, appeal.assessment_id, review, review_below, never_lower=True
        )
        notifications.append(overridden.notification)
    await reviews.end_reservation(conn, *place)
    await appeals.remove_from_queue(conn, *place)
    answered = await _find(conn, appeal.appeal_id)
    notifications.append(await appeals.announce(conn, answered, EventType.APPEAL_ANSWERED))
    audited = AuditedAnswer(appeal_id=appeal.appeal_id, decision=new.decision, reason=new.reply)
    await audit.record(conn, new.by, AuditAction.ANSWER, AuditEntity.APPEAL, "/".join(map(str, place)), audited)
    return AppealChange(answered, tuple(notification for notification in notifications if notification))


async def _find(db: Executor, appeal_id: UUID) -> AppealRecord:
    appeal = await appeals.find(db, appeal_id)
    if appeal is None:
        raise NotFound("there is no such appeal")
    return appeal


async def _check_person(db: Executor, appeal: AppealRecord, person: str) -> None:
    """Nobody answers their own appeal; and whoever gave the points only if the audit log has no other member of staff:
    the service knows no directory of people, and an institution with one advisor must be able to answer."""
    if person == appeal.owner:
        raise Forbidden("this assessment is your own; another advisor or admin has to do this")
    if person == appeal.points_by and await appeals.knows_other_staff(db, [person, appeal.owner], STAFF_SEEN_DAYS):
        raise Forbidden("the points that count are yours; another advisor or admin has to answer this appeal")


async def _review(db: Executor, appeal: AppealRecord, new: AppealAnswer) -> Review | None:
    """The override that the answer asks for; None if the points are upheld."""
    if new.decision is AppealDecision.UPHELD:
        if new.score is not None or new.dimensions is not None:
            pointer = "/score" if new.dimensions is None else "/dimensions"
            raise InvalidFields([FieldError(pointer, "goes only with the decision changed")])
        return None
    question = await override.find_question(db, appeal.assessment_id, appeal.question_id)
    if new.score is not None and new.dimensions is not None:
        raise InvalidFields([FieldError("/dimensions", "send points in total or by dimension, not both")])
    if new.dimensions is not None:
        override.check_dimensions(question)
        return DimensionsOverride(question, new.dimensions, new.reply, new.by)
    if new.score is None:
        raise InvalidFields([FieldError("/score", "is needed for the decision changed, or dimensions")])
    override.check_points(question, new.score)
    return ScoreOverride(question, new.score, new.reply, new.by)


def _line(result: Result, question_id: UUID) -> EssayLine | QuestionLine | None:
    parts = result.breakdown
    rule_lines = (*parts.theoretical.questions, *parts.profile.questions)
    lines: tuple[EssayLine | QuestionLine, ...] = (*rule_lines, *parts.essay.questions)
    return next((line for line in lines if line.question_id == question_id), None)
