"""Overrides: people's scores in place of the machine's, and the results that are fused again with them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.assessment.questions import Question
from app.domain.essay.score import DimensionPoints
from app.domain.job.notification import JobNotification
from app.domain.result.model import Result
from app.domain.states import WEBHOOKS
from app.repositories import decoding
from app.repositories.sql import Connection, statements

_SQL = statements("overrides")


@dataclass(frozen=True)
class NewestResult:
    """The newest result of an assessment, and the number of its run."""

    assessment_id: UUID
    run: int
    result: Result


@dataclass(frozen=True)
class NewOverride:
    """A person's score of a question, in points, and the machine's score that it overrides, if there is one; `scorer`
    is None if that was a score by rule."""

    question: Question
    score: float
    reason: str
    by: str
    dimensions: DimensionPoints | None
    confirmed: bool
    machine_score: float | None
    scorer: str | None


async def read_newest_result(conn: Connection, assessment_id: UUID) -> NewestResult:
    """The newest result of a completed assessment; needs the assessment locked."""
    row = await conn.fetchrow(_SQL["read_newest_result"], assessment_id)
    if row is None:
        raise RuntimeError("a completed assessment without a result")
    return NewestResult(row["assessment_id"], row["run"], decoding.result(row["body"]))


async def add(conn: Connection, assessment_id: UUID, new: NewOverride) -> datetime:
    """Stores an override and returns its time; needs the assessment locked."""
    dimensions = new.dimensions.model_dump() if new.dimensions else None
    values = (new.score, new.question.body.weight, new.machine_score, new.scorer, new.reason, new.by, dimensions)
    place = (assessment_id, new.question.question_id)
    created_at: datetime = await conn.fetchval(_SQL["add"], *place, *values, new.confirmed)
    return created_at


async def replace_result(conn: Connection, run: int, result: Result) -> JobNotification | None:
    """Replaces a run's result; returns the delivery to its webhook, if it has one. Needs the assessment locked."""
    reasons = [reason.model_dump(mode="json") for reason in result.degraded_reasons]
    columns = (result.model_dump_json(), reasons, result.needs_review)
    row = await conn.fetchrow(_SQL["replace_result"], result.assessment_id, run, *columns)
    return JobNotification(row["id"], WEBHOOKS, row["fence"]) if row else None
