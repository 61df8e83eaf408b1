"""Managing the questions of tracks. Every write adds an audit row."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from app.domain.assessment.questions import QuestionBody
from app.domain.body_validation import merge_body
from app.domain.errors import Conflict, FieldError, InvalidFields, NotFound, TrackIsDeleted
from app.domain.records.catalog import BankQuestion, QuestionVersion
from app.domain.states import AuditAction, AuditEntity, QuestionType
from app.repositories import audit, questions, tracks
from app.repositories.sql import Connection, Executor, Pool
from app.services import paging


async def find(db: Executor, question_id: UUID) -> BankQuestion:
    """The active question.

    Raises:
        NotFound: no active question has this id.
    """
    question = await questions.find(db, question_id)
    if question is None:
        raise NotFound("there is no such question")
    return question


async def page(
    db: Executor,
    track: str | None,
    after: UUID | None,
    limit: int,
    question_type: QuestionType | None = None,
    *,
    deleted: bool = False,
) -> tuple[list[BankQuestion], str | None]:
    """Active questions, or deleted ones of active tracks, of one track and type or of all, whose ids come after this
    one; and the cursor of the next page."""
    rows = await questions.page(db, track, after, limit + 1, question_type, deleted=deleted)
    return paging.first_page(rows, limit, lambda question: (str(question.question_id),))


async def versions(
    db: Executor, question_id: UUID, before: int | None, limit: int
) -> tuple[list[tuple[QuestionVersion, QuestionVersion | None]], str | None]:
    """Versions of a question, deleted or not, newest first, each with the one before it; and the cursor of the next
    page."""
    rows = await questions.versions(db, question_id, before, limit + 1)
    former: list[QuestionVersion | None] = [*rows[1:], None]
    pairs = list(zip(rows, former, strict=True))
    return paging.first_page(pairs, limit, lambda pair: (str(pair[0].version),))


async def count_of_tracks(db: Executor, track_ids: Sequence[UUID]) -> dict[UUID, dict[QuestionType, int]]:
    """How many active questions of each type the tracks have."""
    return await questions.count_of_tracks(db, track_ids)


async def create(conn: Connection, actor: str, track_slug: str, body: QuestionBody) -> BankQuestion:
    """A new question of a track.

    Raises:
        InvalidFields: there is no such track.
    """
    track = await tracks.find(conn, track_slug)
    if track is None:
        raise InvalidFields([FieldError("/track", "there is no such track")])
    question_id = uuid4()
    await questions.create(conn, question_id, track.id, body)
    await audit.record(conn, actor, AuditAction.CREATE, AuditEntity.QUESTION, str(question_id), body)
    return BankQuestion(question_id, 1, track_slug, body, sample=False)


async def patch(
    pool: Pool, actor: str, question_id: UUID, changes: dict[str, Any], *, read_version: int | None = None
) -> BankQuestion:
    """A new version of the question with some fields changed; assessments keep the version that they have. With
    `read_version`, only if that is still the current one.

    Raises:
        NotFound, InvalidFields.
        Conflict: there is a version newer than the one that was read.
    """
    async with pool.acquire() as conn, conn.transaction():
        await questions.lock(conn, question_id)
        present = await find(conn, question_id)
        if read_version not in (None, present.version):
            raise Conflict(f"there is a version {present.version} of the question by now")
        body = merge_body(type(present.body), present.body, changes, fixed=("type",))
        version = await questions.add_version(conn, question_id, body)
        await audit.record(conn, actor, AuditAction.UPDATE, AuditEntity.QUESTION, str(question_id), body)
        return BankQuestion(question_id, version, present.track, body, present.sample)


async def restore(pool: Pool, actor: str, question_id: UUID) -> BankQuestion:
    """The deleted question, active again in its newest version. An active question stays as it is.

    Raises:
        NotFound: there has never been such a question.
        TrackIsDeleted: its track has to be restored first.
    """
    async with pool.acquire() as conn, conn.transaction():
        locked = await questions.lock_any(conn, question_id)
        if locked is None:
            raise NotFound("there is no such question")
        question = locked.question
        if locked.deleted:
            if locked.track_deleted:
                raise TrackIsDeleted(f"restore the question's track first, with POST /tracks/{question.track}/restore")
            await questions.restore(conn, question_id)
            await audit.record(conn, actor, AuditAction.RESTORE, AuditEntity.QUESTION, str(question_id), question.body)
        return question


async def check_known(db: Executor, question_id: UUID) -> None:
    """Returns if there is such a question, deleted or not.

    Raises:
        NotFound: there has never been one.
    """
    if not await questions.exists(db, question_id):
        raise NotFound("there is no such question")


async def delete(pool: Pool, actor: str, question_id: UUID) -> None:
    """Deletes the question; assessments that have it keep it.

    Raises:
        NotFound: it was deleted meanwhile.
    """
    async with pool.acquire() as conn, conn.transaction():
        if not await questions.delete(conn, question_id):
            raise NotFound("there is no such question")
        await audit.record(conn, actor, AuditAction.DELETE, AuditEntity.QUESTION, str(question_id))
