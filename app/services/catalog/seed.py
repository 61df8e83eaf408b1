"""Adding the sample data to the database, where it is missing."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from app.domain.assessment.questions import BODY_OF_TYPE
from app.domain.assessment.tracks import TrackBody
from app.domain.body_validation import validate_body
from app.domain.recommendation.credentials import CredentialBody
from app.domain.records.catalog import Track
from app.domain.states import AuditAction, AuditEntity, QuestionType
from app.repositories import audit, credentials, questions, tracks
from app.repositories.sql import Connection, Pool

ACTOR = "assay seed"


async def seed(
    pool: Pool,
    sample_tracks: list[dict[str, Any]],
    sample_questions: list[tuple[UUID, dict[str, Any]]],
    sample_credentials: Sequence[tuple[UUID, dict[str, Any]]],
    advance: Callable[[int], None],
) -> int:
    """Adds what is missing, all or nothing; rows that were changed or deleted stay as they are. Returns how many rows
    were added; calls `advance` with the number of rows looked at."""
    async with pool.acquire() as conn, conn.transaction():
        await credentials.lock_catalog(conn)
        ids = {body["slug"]: await _track(conn, validate_body(TrackBody, body)) for body in sample_tracks}
        added = sum(new for _, new in ids.values())
        advance(len(ids))
        for question_id, body in sample_questions:
            track, _ = ids[body["track"]]
            added += await _question(conn, question_id, track, body)
            advance(1)
        for credential_id, body in sample_credentials:
            added += await _credential(conn, credential_id, validate_body(CredentialBody, body))
            advance(1)
        return added


async def _track(conn: Connection, body: TrackBody) -> tuple[Track, bool]:
    present = await tracks.find(conn, body.slug) or await tracks.find_deleted(conn, body.slug)
    if present:
        return present, False
    track = await tracks.create(conn, body, sample=True)
    await audit.record(conn, ACTOR, AuditAction.CREATE, AuditEntity.TRACK, body.slug, body)
    return track, True


async def _question(conn: Connection, question_id: UUID, track: Track, question: dict[str, Any]) -> bool:
    fields = {name: value for name, value in question.items() if name != "track"}
    body = validate_body(BODY_OF_TYPE[QuestionType(question["type"])], fields)
    new = await questions.create(conn, question_id, track.id, body, sample=True)
    if new:
        await audit.record(conn, ACTOR, AuditAction.CREATE, AuditEntity.QUESTION, str(question_id), body)
    return new


async def _credential(conn: Connection, credential_id: UUID, body: CredentialBody) -> bool:
    new = await credentials.create(conn, credential_id, body, sample=True)
    if new:
        await audit.record(conn, ACTOR, AuditAction.CREATE, AuditEntity.CREDENTIAL, str(credential_id), body)
    return new
