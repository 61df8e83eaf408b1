"""Managing what assessments are made of: tracks and questions. Every write leaves an audit row."""

from typing import Any
from uuid import UUID, uuid4

from app.domain.assessment.questions import QuestionBody
from app.domain.assessment.tracks import TrackBody
from app.domain.checking import merged
from app.domain.errors import FieldError, InvalidFields, NotFound
from app.domain.records.assessments import BankQuestion, Track
from app.domain.states import AuditAction, AuditEntity
from app.repositories import audit, questions, tracks
from app.repositories.sql import Connection, Executor, Pool


async def find_track(db: Executor, slug: str) -> Track:
    """The active track.

    Raises:
        NotFound: there is none of this slug.
    """
    track = await tracks.find(db, slug)
    if track is None:
        raise NotFound("there is no such track")
    return track


async def create_track(conn: Connection, actor: str, body: TrackBody) -> Track:
    """A new track.

    Raises:
        SlugTaken: an active track has the slug.
    """
    track = await tracks.create(conn, body)
    await audit.record(conn, actor, AuditAction.CREATE, AuditEntity.TRACK, body.slug, body)
    return track


async def patch_track(pool: Pool, actor: str, slug: str, changes: dict[str, Any]) -> Track:
    """The track with some fields changed.

    Raises:
        NotFound, InvalidFields, SlugTaken.
    """
    async with pool.acquire() as conn, conn.transaction():
        track = await tracks.lock(conn, slug)
        if track is None:
            raise NotFound("there is no such track")
        changed = await tracks.update(conn, track.id, merged(TrackBody, track.body, changes))
        await audit.record(conn, actor, AuditAction.UPDATE, AuditEntity.TRACK, slug, changed.body)
        return changed


async def delete_track(pool: Pool, actor: str, track: Track) -> None:
    """Takes the track out of use; its assessments go on.

    Raises:
        NotFound: someone else deleted it.
    """
    async with pool.acquire() as conn, conn.transaction():
        if not await tracks.delete(conn, track.id):
            raise NotFound("there is no such track")
        await audit.record(conn, actor, AuditAction.DELETE, AuditEntity.TRACK, track.body.slug)


async def find_question(db: Executor, question_id: UUID) -> BankQuestion:
    """The active question.

    Raises:
        NotFound: there is none of this id.
    """
    question = await questions.find(db, question_id)
    if question is None:
        raise NotFound("there is no such question")
    return question


async def create_question(conn: Connection, actor: str, track_slug: str, body: QuestionBody) -> BankQuestion:
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


async def patch_question(pool: Pool, actor: str, question_id: UUID, changes: dict[str, Any]) -> BankQuestion:
    """A new version of the question with some fields changed; older assessments keep theirs.

    Raises:
        NotFound, InvalidFields.
    """
    async with pool.acquire() as conn, conn.transaction():
        await questions.lock(conn, question_id)
        present = await find_question(conn, question_id)
        body = merged(type(present.body), present.body, changes, fixed=("type",))
        version = await questions.add_version(conn, question_id, body)
        await audit.record(conn, actor, AuditAction.UPDATE, AuditEntity.QUESTION, str(question_id), body)
        return BankQuestion(question_id, version, present.track, body, present.sample)


async def delete_question(pool: Pool, actor: str, question_id: UUID) -> None:
    """Takes the question out of the bank; assessments that have it keep it.

    Raises:
        NotFound: someone else deleted it.
    """
    async with pool.acquire() as conn, conn.transaction():
        if not await questions.delete(conn, question_id):
            raise NotFound("there is no such question")
        await audit.record(conn, actor, AuditAction.DELETE, AuditEntity.QUESTION, str(question_id))
