"""Essays that the model did not score, and another try of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.repositories.sql import Executor, statements

_SQL = statements("healing")


@dataclass(frozen=True)
class Degraded:
    """An assessment, its newest run, and the essays that a model may still score."""

    assessment_id: UUID
    run: int
    question_ids: tuple[UUID, ...]


async def take_turn(db: Executor, seconds: float) -> bool:
    """Whether this worker is the one that looks for them now."""
    return await db.fetchval(_SQL["take_turn"], seconds) is not None


async def find_due(db: Executor, max_age: float, tries: int, limit: int) -> list[Degraded]:
    """The oldest such assessments, at most `max_age` seconds old; each essay has fewer than so many tries behind it."""
    rows = await db.fetch(_SQL["find_due"], max_age, tries, limit)
    return [Degraded(row["assessment_id"], row["run"], tuple(row["question_ids"])) for row in rows]


async def postpone(db: Executor, assessment_id: UUID, question_ids: Sequence[UUID], seconds: float) -> list[UUID]:
    """The essays among these that nobody else tries now; others leave them alone for so many seconds."""
    rows = await db.fetch(_SQL["postpone"], assessment_id, question_ids, seconds)
    return [row["question_id"] for row in rows]


async def record_try(db: Executor, assessment_id: UUID, question_id: UUID, pause: float, *, counted: bool) -> None:
    """What became of a try; the next one comes after `pause` seconds, doubled with each that counted."""
    await db.execute(_SQL["record_try"], assessment_id, question_id, counted, pause)
