"""Assessments with their responses, submission, status and result."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from app.domain.assessment.answers import Response
from app.domain.assessment.rule_scoring import RuleScore
from app.domain.idempotency import IdempotencyKey
from app.domain.records.assessments import Assessment, AssessmentLine, StatusRecord, StoredAnswer
from app.domain.result.model import Reason
from app.domain.states import AssessmentStatus, JobType
from app.repositories import decoding
from app.repositories.sql import Connection, Executor, affected, statements

_SQL = statements("assessments")


@dataclass(frozen=True)
class SubmissionDraft:
    """An assessment that is about to be submitted, the answer stored for the request's key, and the queue's length."""

    assessment: Assessment
    stored: StoredAnswer | None
    waiting: int

    @property
    def owner(self) -> str:
        """The student whose assessment it is."""
        return self.assessment.owner


@dataclass(frozen=True)
class NewJob:
    """A job to be queued; `units` is what its progress is counted in."""

    job_id: UUID
    job_type: JobType
    units: int


@dataclass(frozen=True)
class Submission:
    """All that one submission writes. Scores and jobs go to Postgres as JSON, field by field."""

    assessment: Assessment
    responses: Sequence[Response]
    scores: Sequence[RuleScore]
    reasons: Sequence[Reason]
    jobs: Sequence[NewJob]
    max_attempts: int
    key: IdempotencyKey | None
    key_seconds: int
    answer: StoredAnswer
    traceparent: str | None
    request_id: str | None


async def read(db: Executor, assessment_id: UUID) -> Assessment | None:
    """The assessment with its questions and responses."""
    row = await db.fetchrow(_SQL["read_assessment"], assessment_id)
    return _assessment(row) if row else None


async def read_for_submission(
    db: Executor, assessment_id: UUID, key: IdempotencyKey | None, most_waiting: int
) -> SubmissionDraft | None:
    """The same with what a submission has to know besides; `waiting` is counted up to `most_waiting`."""
    named = (key.owner, key.path, key.key) if key else (None, None, None)
    row = await db.fetchrow(_SQL["read_for_submission"], assessment_id, *named, most_waiting)
    return SubmissionDraft(_assessment(row), _stored(row), row["waiting"]) if row else None


async def expire_open(db: Executor, owner: str, track_id: UUID) -> None:
    """Ends the owner's open assessment of the track if its time is over."""
    await db.execute(_SQL["expire_open"], owner, track_id)


async def find_open(db: Executor, owner: str, track_id: UUID) -> UUID | None:
    """The owner's open assessment of the track."""
    found: UUID | None = await db.fetchval(_SQL["find_open"], owner, track_id)
    return found


async def start(
    conn: Connection, new_id: UUID, owner: str, track_id: UUID, ttl: int, drawn: Sequence[tuple[UUID, int]]
) -> bool:
    """Whether a new assessment was started; False where an open one was in the way. `ttl` in seconds."""
    ids, versions = [pair[0] for pair in drawn], [pair[1] for pair in drawn]
    return await conn.fetchval(_SQL["start"], new_id, owner, track_id, ttl, ids, versions) is not None


async def page(
    db: Executor,
    owner: str | None,
    track: str | None,
    status: AssessmentStatus | None,
    degraded: bool | None,
    needs_review: bool | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[AssessmentLine]:
    """Assessments, newest first."""
    filters = (owner, track, status, degraded, needs_review)
    rows = await db.fetch(_SQL["list_assessments"], *filters, *(after or (None, None)), limit)
    return [AssessmentLine(**{**dict(row), "status": AssessmentStatus(row["status"])}) for row in rows]


async def save_responses(conn: Connection, assessment_id: UUID, responses: Iterable[Response]) -> bool:
    """Whether the assessment was open, so that the answers are saved."""
    return await conn.fetchval(_SQL["save_responses"], assessment_id, _given(responses)) is not None


async def count_responses(db: Executor, assessment_id: UUID) -> int:
    """How many questions have an answer."""
    count: int = await db.fetchval(_SQL["count_responses"], assessment_id)
    return count


async def submit(db: Executor, submission: Submission) -> tuple[bool, bool]:
    """Whether the key was free, and whether the assessment was locked by this statement.

    Raises:
        asyncpg.UniqueViolationError: the key was stored by another request since the read.
    """
    key, answer, assessment = submission.key, submission.answer, submission.assessment
    row = await db.fetchrow(
        _SQL["submit"],
        assessment.id,
        assessment.responses_version,
        assessment.now,
        [reason.model_dump(mode="json") for reason in submission.reasons],
        _given(submission.responses),
        submission.scores,
        *((key.owner, key.path, key.key) if key else (None, None, None)),
        answer.fingerprint,
        answer.location,
        answer.body,
        submission.jobs,
        submission.max_attempts,
        submission.traceparent,
        submission.request_id,
        submission.key_seconds,
    )
    return (row["free"], row["locked"]) if row else (False, False)


async def read_status(db: Executor, assessment_id: UUID) -> StatusRecord | None:
    """Everything that the status shows."""
    row = await db.fetchrow(_SQL["read_status"], [assessment_id])
    return _status(row) if row else None


async def read_statuses(db: Executor, assessment_ids: Sequence[UUID]) -> list[StatusRecord]:
    """The same of several, in any order; of those that exist."""
    return [_status(row) for row in await db.fetch(_SQL["read_status"], assessment_ids)]


async def read_revisions(db: Executor, assessment_ids: Sequence[UUID]) -> list[tuple[UUID, int]]:
    """Their ids and revisions, in any order; of those that exist."""
    rows = await db.fetch(_SQL["read_revisions"], assessment_ids)
    return [(row["id"], row["revision"]) for row in rows]


def _status(row: asyncpg.Record) -> StatusRecord:
    columns: dict[str, Any] = dict(row)
    return StatusRecord(
        **{
            **columns,
            "status": AssessmentStatus(row["status"]),
            "degraded_reasons": decoding.reasons.validate_python(row["degraded_reasons"]),
            "jobs": decoding.status_jobs.validate_python(row["jobs"]),
            "rule_scores": decoding.rule_scores(row["rule_scores"]),
        }
    )


async def read_result(db: Executor, assessment_id: UUID) -> str | None:
    """The newest result as JSON text, as it was written."""
    body: str | None = await db.fetchval(_SQL["read_result"], assessment_id)
    return body


async def lock(conn: Connection, assessment_id: UUID) -> tuple[int, AssessmentStatus]:
    """The run and status of an assessment that exists; both stay until the transaction ends."""
    row = await conn.fetchrow(_SQL["hold"], assessment_id)
    if row is None:
        raise RuntimeError("assessments are never removed")
    return row["run"], AssessmentStatus(row["status"])


async def sweep_expired(db: Executor, limit: int) -> int:
    """How many assessments were found to be past their time."""
    return affected(await db.execute(_SQL["sweep_expired"], limit))


def _given(responses: Iterable[Response]) -> list[dict[str, Any]]:
    return [{"question_id": response.question_id, "answer": response.answer} for response in responses]


def _stored(row: asyncpg.Record) -> StoredAnswer | None:
    if row["key_fingerprint"] is None:
        return None
    return StoredAnswer(row["key_status"], row["key_body"], row["key_location"], row["key_fingerprint"], True)


def _assessment(row: asyncpg.Record) -> Assessment:
    columns: dict[str, Any] = {name: row[name] for name in Assessment.__dataclass_fields__}
    columns["status"] = AssessmentStatus(row["status"])
    columns["questions"] = decoding.questions.validate_python(row["questions"])
    columns["responses"] = decoding.responses(row["responses"])
    return Assessment(**columns)
