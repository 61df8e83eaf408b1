"""Appeals of scores, and their place in the review queue."""

from datetime import datetime
from uuid import UUID, uuid4

from app.domain.job.notification import JobNotification
from app.domain.records.appeals import AppealRecord, QuestionAppeal
from app.domain.states import WEBHOOKS, AppealDecision, AppealStatus, EventType
from app.repositories.sql import Connection, Executor, statements

_SQL = statements("appeals")
_NIL = UUID(int=0)


async def add(conn: Connection, assessment_id: UUID, question_id: UUID, text: str) -> UUID | None:
    """Stores an appeal and returns its id; None if the question was appealed before. Needs the assessment locked."""
    added: UUID | None = await conn.fetchval(_SQL["add"], uuid4(), assessment_id, question_id, text)
    return added


async def answer(conn: Connection, appeal_id: UUID, decision: AppealDecision, reply: str, by: str) -> bool:
    """Stores the answer; False if there is one already. Needs the assessment locked."""
    return await conn.fetchval(_SQL["answer"], appeal_id, decision, reply, by) is not None


async def add_to_queue(conn: Connection, assessment_id: UUID, question_id: UUID, confidence: float | None) -> None:
    """Puts the question into the review queue, or adds the reason to its item; `confidence` is that in the machine's
    score."""
    await conn.execute(_SQL["add_to_queue"], assessment_id, question_id, confidence)


async def remove_from_queue(conn: Connection, assessment_id: UUID, question_id: UUID) -> None:
    """Takes the reason away from the question's item, and the item if it has no other."""
    await conn.execute(_SQL["remove_from_queue"], assessment_id, question_id)


async def announce(conn: Connection, appeal: AppealRecord, event: EventType) -> JobNotification | None:
    """Raises the revision of the assessment and updates whether it needs a person; returns the delivery to its webhook,
    if it has one."""
    row = await conn.fetchrow(_SQL["announce"], appeal.assessment_id, appeal.question_id, event)
    return JobNotification(row["id"], WEBHOOKS, row["fence"]) if row else None


async def of_assessment(db: Executor, assessment_id: UUID) -> dict[UUID, QuestionAppeal]:
    """The assessment's appeals, by question."""
    rows = [dict(row) for row in await db.fetch(_SQL["of_assessment"], assessment_id)]
    return {row.pop("question_id"): QuestionAppeal(**row) for row in rows}


async def find(db: Executor, appeal_id: UUID) -> AppealRecord | None:
    """The appeal."""
    row = await db.fetchrow(_SQL["find"], appeal_id)
    return AppealRecord(**row) if row else None


async def page(
    db: Executor, statuses: tuple[AppealStatus, ...], after: tuple[datetime, UUID] | None, limit: int
) -> list[AppealRecord]:
    """A page of the appeals in one of these statuses, longest waiting first, after one with this time and id."""
    rows = await db.fetch(_SQL["page"], list(statuses), *(after or (None, _NIL)), limit)
    return [AppealRecord(**row) for row in rows]


async def knows_other_staff(db: Executor, people: list[str], days: int) -> bool:
    """Whether somebody beside these people has worked as staff in the last days."""
    known: bool = await db.fetchval(_SQL["knows_other_staff"], people, days)
    return known
