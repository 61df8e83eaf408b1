"""The question bank, and the questions that are drawn from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from app.domain.assessment.questions import ProfileQuestion, QuestionBody, question_body
from app.domain.assessment.tracks import QuestionMix
from app.domain.records.catalog import BankQuestion, QuestionVersion
from app.domain.states import QuestionType
from app.repositories.sql import Connection, Executor, affected, statements

_SQL = statements("questions")


async def find(db: Executor, question_id: UUID) -> BankQuestion | None:
    """The current version of an active question."""
    row = await db.fetchrow(_SQL["find_question"], question_id)
    return _question(row) if row else None


async def exists(db: Executor, question_id: UUID) -> bool:
    """Whether there is such a question, deleted or not."""
    known: bool = await db.fetchval(_SQL["question_exists"], question_id)
    return known


async def page(
    db: Executor,
    track: str | None,
    after: UUID | None,
    limit: int,
    question_type: QuestionType | None = None,
    *,
    deleted: bool = False,
) -> list[BankQuestion]:
    """A page of active questions, or of deleted ones, by id."""
    statement = _SQL["list_deleted_questions" if deleted else "list_questions"]
    return [_question(row) for row in await db.fetch(statement, track, after, limit, question_type)]


async def versions(db: Executor, question_id: UUID, before: int | None, limit: int) -> list[QuestionVersion]:
    """Versions of a question before this one, newest first."""
    rows = await db.fetch(_SQL["list_question_versions"], question_id, before, limit)
    return [
        QuestionVersion(row["version"], question_body.validate_python(row["body"]), row["created_at"]) for row in rows
    ]


async def create(db: Executor, question_id: UUID, track_id: UUID, body: QuestionBody, *, sample: bool = False) -> bool:
    """Stores version 1; False if the id exists."""
    content, *marks = _columns(body)
    values = (question_id, track_id, body.type, content, sample, *marks)
    return await db.fetchval(_SQL["create_question"], *values) is not None


async def lock(conn: Connection, question_id: UUID) -> bool:
    """Locks the active question until the transaction ends; False if there is none."""
    return await conn.fetchval(_SQL["lock_question"], question_id) is not None


@dataclass(frozen=True)
class LockedQuestion:
    """A question, and whether it and its track are deleted."""

    question: BankQuestion
    deleted: bool
    track_deleted: bool


async def lock_any(conn: Connection, question_id: UUID) -> LockedQuestion | None:
    """The current version of a question, deleted or not, locked until the transaction ends."""
    row = await conn.fetchrow(_SQL["lock_any_question"], question_id)
    return LockedQuestion(_question(row), row["deleted"], row["track_deleted"]) if row else None


async def restore(conn: Connection, question_id: UUID) -> None:
    """Makes a question active again."""
    await conn.execute(_SQL["restore_question"], question_id)


async def add_version(db: Executor, question_id: UUID, body: QuestionBody) -> int:
    """Stores a new version and returns its number."""
    version: int = await db.fetchval(_SQL["add_question_version"], question_id, *_columns(body))
    return version


async def delete(db: Executor, question_id: UUID) -> bool:
    """Deletes the active question; False if there is none."""
    return affected(await db.execute(_SQL["delete_question"], question_id)) == 1


async def draw(db: Executor, track_id: UUID, mix: QuestionMix) -> list[tuple[UUID, int]]:
    """Ids and versions of questions of the track, pinned ones before random ones, as many of each type as the mix says,
    or fewer if there are not enough."""
    rows = await db.fetch(_SQL["draw_questions"], track_id, mix.theoretical, mix.profile, mix.essay)
    return [(row["question_id"], row["version"]) for row in rows]


async def count_of_tracks(db: Executor, track_ids: Sequence[UUID]) -> dict[UUID, dict[QuestionType, int]]:
    """How many active questions of each type the tracks have."""
    counts: dict[UUID, dict[QuestionType, int]] = {track_id: {} for track_id in track_ids}
    for row in await db.fetch(_SQL["count_questions_of_tracks"], track_ids):
        counts[row["track_id"]][QuestionType(row["type"])] = row["count"]
    return counts


async def count_by_type(db: Executor, track_id: UUID) -> dict[QuestionType, int]:
    """How many active questions of each type the track has."""
    rows = await db.fetch(_SQL["count_questions"], track_id)
    return {QuestionType(row["type"]): row["count"] for row in rows}


def _columns(body: QuestionBody) -> tuple[dict[str, Any], bool, str | None]:
    """The columns `body`, `pinned` and `purpose`."""
    purpose = body.purpose if isinstance(body, ProfileQuestion) else None
    return body.model_dump(mode="json", exclude={"pinned", "purpose"}), body.pinned, purpose


def _question(row: asyncpg.Record) -> BankQuestion:
    body = question_body.validate_python(row["body"])
    return BankQuestion(row["question_id"], row["version"], row["track"], body, row["sample"])
