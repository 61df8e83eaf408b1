"""People's scores beside the machine's, and the result that counts them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.assessment.questions import Question
from app.domain.job.notification import JobNotification
from app.domain.result.model import Processing, Result
from app.domain.states import WEBHOOKS
from app.repositories.sql import Connection, statements

_SQL = statements("overrides")


@dataclass(frozen=True)
class PresentResult:
    """The newest result as JSON text, and what stays of it when it is fused again."""

    assessment_id: UUID
    run: int
    body: str
    completed_at: datetime
    processing: Processing


@dataclass(frozen=True)
class NewOverride:
    """A person's score of a question, in points, and the machine's that it stands beside, if there is one; `scorer` is
    None where that was made by rule."""

    question: Question
    score: float
    reason: str
    by: str
    machine_score: float | None
    scorer: str | None


async def present_result(conn: Connection, assessment_id: UUID) -> PresentResult:
    """The newest result of an assessment that is completed; needs the assessment held."""
    row = await conn.fetchrow(_SQL["present_result"], assessment_id)
    if row is None:
        raise RuntimeError("a completed assessment without a result")
    columns = dict(row)
    columns["processing"] = Processing.model_validate(columns["processing"])
    return PresentResult(**columns)


async def add(conn: Connection, assessment_id: UUID, new: NewOverride) -> datetime:
    """When the override was made; needs the assessment held."""
    told = (new.score, new.question.body.weight, new.machine_score, new.scorer, new.reason, new.by)
    made: datetime = await conn.fetchval(_SQL["add"], assessment_id, new.question.question_id, *told)
    return made


async def replace_result(conn: Connection, run: int, result: Result) -> JobNotification | None:
    """Puts a run's result in the place of the one before, and returns the message that tells of it, if somebody
    listens; needs the assessment held."""
    reasons = [reason.model_dump(mode="json") for reason in result.degraded_reasons]
    shown = (result.model_dump_json(), reasons, result.needs_review)
    row = await conn.fetchrow(_SQL["replace_result"], result.assessment_id, run, *shown)
    return JobNotification(row["id"], WEBHOOKS, row["fence"]) if row else None
