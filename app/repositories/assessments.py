"""Assessments: starting, answering, submitting and listing them, their status and their result."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from app.domain.assessment.answers import Response
from app.domain.assessment.attempts import Attempts
from app.domain.assessment.rule_scoring import RuleScore
from app.domain.idempotency import IdempotencyKey, StoredReply
from app.domain.records.appeals import QuestionAppeal
from app.domain.records.assessments import Assessment, AssessmentSummary, StatusHead, StatusJob, StatusRecord
from app.domain.result.model import Reason, Result
from app.domain.states import AssessmentStatus, JobType
from app.repositories import decoding
from app.repositories.sql import Connection, Executor, affected, caller_errors, statements

_SQL = statements("assessments")
_reasons = TypeAdapter(tuple[Reason, ...])
_status_jobs = TypeAdapter(tuple[StatusJob, ...])
_appeals = TypeAdapter(dict[UUID, QuestionAppeal])
_HEAD_COLUMNS = tuple(StatusHead.__dataclass_fields__.keys() - {"disclosure"})
# Revisions begin at 1.
_NO_REVISION = 0


@dataclass(frozen=True)
class CapacityLimits:
    """How many submissions may wait for their result, of all students and of one, and how many idempotency keys are
    kept for one."""

    waiting: int
    owner_waiting: int
    owner_keys: int


@dataclass(frozen=True)
class SubmissionDraft:
    """An assessment that is about to be submitted, the reply stored for the request's idempotency key, and how many
    submissions wait for their result and keys are kept, each counted up to its limit."""

    assessment: Assessment
    stored: StoredReply | None
    waiting: int
    owner_waiting: int
    owner_keys: int

    @property
    def owner(self) -> str:
        """The student whose assessment it is."""
        return self.assessment.owner


@dataclass(frozen=True)
class StoredResult:
    """The newest result; explanations of theoretical questions and appeals of all, by the ids of the questions."""

    result: Result
    explanations: dict[UUID, str]
    appeals: dict[UUID, QuestionAppeal]


@dataclass(frozen=True)
class NewJob:
    """A job to queue; its progress is counted in `units`."""

    job_id: UUID
    job_type: JobType
    units: int


@dataclass(frozen=True)
class Submission:
    """Everything that a submission writes. Scores and jobs are sent to Postgres as JSON, so that the names of their
    fields are those in the statement."""

    assessment: Assessment
    responses: Sequence[Response]
    scores: Sequence[RuleScore]
    reasons: Sequence[Reason]
    jobs: Sequence[NewJob]
    max_attempts: int
    limits: CapacityLimits
    key: IdempotencyKey | None
    key_seconds: int
    answer: StoredReply
    traceparent: str | None
    request_id: str | None


async def read(db: Executor, assessment_id: UUID) -> Assessment | None:
    """The assessment with its questions and responses."""
    row = await db.fetchrow(_SQL["read_assessment"], assessment_id, None, None, None, 0, 0, 0)
    return _assessment(row) if row else None


async def read_for_submission(
    db: Executor, assessment_id: UUID, key: IdempotencyKey | None, limits: CapacityLimits
) -> SubmissionDraft | None:
    """The same with the stored reply and what is limited, each counted up to its limit, and not at all if that is 0."""
    most = (limits.waiting, limits.owner_waiting, limits.owner_keys)
    row = await db.fetchrow(_SQL["read_assessment"], assessment_id, *_key_columns(key), *most)
    if row is None:
        return None
    return SubmissionDraft(_assessment(row), _stored(row), row["waiting"], row["owner_waiting"], row["owner_keys"])


async def expire_if_overdue(db: Executor, owner: str, track_id: UUID) -> None:
    """Ends the owner's open assessment of the track if its time is over."""
    await db.execute(_SQL["expire_if_overdue"], owner, track_id)


async def find_open(db: Executor, owner: str, track_id: UUID) -> UUID | None:
    """The id of the owner's open assessment of the track."""
    open_id: UUID | None = await db.fetchval(_SQL["find_open_id"], owner, track_id)
    return open_id


async def lock_owner_to_start(conn: Connection, owner: str, per_day: int) -> float | None:
    """Locks the owner until the transaction ends. The seconds until fewer than `per_day` assessments of theirs are
    younger than a day; None if that is so now."""
    row = await conn.fetchrow(_SQL["lock_owner_to_start"], owner, per_day)
    return (row["next_start_at"] - row["now"]).total_seconds() if row and row["next_start_at"] else None


async def start(
    conn: Connection, new_id: UUID, owner: str, track_id: UUID, ttl_seconds: int, questions: Sequence[tuple[UUID, int]]
) -> bool:
    """Starts an assessment with these questions (id and version); False if the owner has an open one of the track, may
    not start another, or starts one at the same moment."""
    ids, versions = [question_id for question_id, _ in questions], [version for _, version in questions]
    return await conn.fetchval(_SQL["start"], new_id, owner, track_id, ttl_seconds, ids, versions) is not None


async def read_attempts(db: Executor, owner: str, track_id: UUID) -> Attempts:
    """What the owner has used of the attempts that the track permits."""
    row = await db.fetchrow(_SQL["read_attempts"], owner, track_id)
    if row is None:
        raise RuntimeError("tracks are never deleted for good")
    return Attempts(**row)


async def page(
    db: Executor,
    owner: str | None,
    track: str | None,
    status: AssessmentStatus | None,
    degraded: bool | None,
    needs_review: bool | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[AssessmentSummary]:
    """A page of assessments, newest first; None leaves a filter out."""
    arguments = (status, degraded, needs_review, *(after or (None, None)), limit)
    if owner is not None:
        rows = await db.fetch(_SQL["list_of_owner"], *arguments, owner, track)
    elif track is not None:
        rows = await db.fetch(_SQL["list_of_track"], *arguments, track)
    else:
        rows = await db.fetch(_SQL["list_assessments"], *arguments)
    return [AssessmentSummary.model_validate(dict(row)) for row in rows]


async def save_responses(conn: Connection, assessment_id: UUID, responses: Iterable[Response]) -> bool:
    """Saves answers; False if the assessment is not open."""
    return await conn.fetchval(_SQL["save_responses"], assessment_id, _response_rows(responses)) is not None


async def count_responses(db: Executor, assessment_id: UUID) -> int:
    """How many questions of the assessment have an answer."""
    count: int = await db.fetchval(_SQL["count_responses"], assessment_id)
    return count


async def submit(db: Executor, submission: Submission) -> tuple[bool, bool]:
    """Submits the assessment as it was read. Whether no other request with the idempotency key is running, and whether
    the assessment was still as it was read and its owner below the limits; only if both are true anything was written.

    Raises:
        KeyInFlight: another request has stored its reply for the key since the read.
    """
    answer, assessment = submission.answer, submission.assessment
    values = (
        assessment.id,
        assessment.responses_version,
        assessment.now,
        [reason.model_dump(mode="json") for reason in submission.reasons],
        _response_rows(submission.responses),
        submission.scores,
        *_key_columns(submission.key),
        answer.fingerprint,
        answer.location,
        answer.body,
        submission.jobs,
        submission.max_attempts,
        submission.traceparent,
        submission.request_id,
        submission.key_seconds,
        assessment.owner,
        submission.limits.owner_waiting,
        submission.limits.owner_keys,
    )
    with caller_errors():
        row = await db.fetchrow(_SQL["submit"], *values)
    return (row["free"], row["locked"]) if row else (False, False)


async def read_status(db: Executor, assessment_id: UUID) -> StatusRecord | None:
    """Everything that the status shows."""
    row = await db.fetchrow(_SQL["read_status"], [assessment_id], [_NO_REVISION])
    return _status(row) if row else None


async def read_statuses(db: Executor, kept: Mapping[UUID, int | None]) -> list[StatusRecord | StatusHead]:
    """The same of several assessments that exist, in any order: only the head where the caller has kept the record of
    this revision."""
    revisions = [_NO_REVISION if revision is None else revision for revision in kept.values()]
    rows = await db.fetch(_SQL["read_status"], list(kept), revisions)
    return [StatusHead(**_status_head(row)) if row["jobs"] is None else _status(row) for row in rows]


async def read_revisions(db: Executor, assessment_ids: Sequence[UUID]) -> list[tuple[UUID, int]]:
    """Ids and revisions of those that exist, in any order."""
    rows = await db.fetch(_SQL["read_revisions"], assessment_ids)
    return [(row["id"], row["revision"]) for row in rows]


def _status(row: asyncpg.Record) -> StatusRecord:
    return StatusRecord(
        **_status_head(row),
        degraded=row["degraded"],
        degraded_reasons=_reasons.validate_python(row["degraded_reasons"]),
        jobs=_status_jobs.validate_python(row["jobs"]),
        rule_scores=decoding.rule_scores(row["rule_scores"]),
    )


def _status_head(row: asyncpg.Record) -> dict[str, Any]:
    columns: dict[str, Any] = {name: row[name] for name in _HEAD_COLUMNS}
    return columns | {"status": AssessmentStatus(row["status"]), "disclosure": decoding.disclosure(row)}


async def read_result(db: Executor, assessment_id: UUID) -> StoredResult | None:
    """The newest result with what is shown beside it."""
    row = await db.fetchrow(_SQL["read_result"], assessment_id)
    if row is None:
        return None
    explanations = {UUID(key): text for key, text in row["explanations"].items()}
    return StoredResult(decoding.result(row["body"]), explanations, _appeals.validate_python(row["appeals"]))


async def lock(conn: Connection, assessment_id: UUID) -> tuple[int, AssessmentStatus] | None:
    """Locks the assessment until the transaction ends; returns its newest run and its status, None if there is no such
    assessment, perhaps since a moment ago."""
    row = await conn.fetchrow(_SQL["lock"], assessment_id)
    return (row["run"], AssessmentStatus(row["status"])) if row else None


async def expire_overdue(db: Executor, limit: int) -> int:
    """Ends up to `limit` assessments whose time is over; returns how many."""
    return affected(await db.execute(_SQL["expire_overdue"], limit))


def _key_columns(key: IdempotencyKey | None) -> tuple[str | None, str | None, str | None]:
    return (key.owner, key.path, key.key) if key else (None, None, None)


def _response_rows(responses: Iterable[Response]) -> list[dict[str, Any]]:
    return [{"question_id": response.question_id, "answer": response.answer} for response in responses]


def _stored(row: asyncpg.Record) -> StoredReply | None:
    if row["key_fingerprint"] is None:
        return None
    return StoredReply(row["key_status"], row["key_body"], row["key_location"], row["key_fingerprint"], True)


def _assessment(row: asyncpg.Record) -> Assessment:
    columns: dict[str, Any] = {name: row[name] for name in Assessment.__dataclass_fields__ if name != "disclosure"}
    columns["status"] = AssessmentStatus(row["status"])
    columns["disclosure"] = decoding.disclosure(row)
    columns["questions"] = decoding.questions(row["questions"])
    columns["responses"] = decoding.responses.validate_python(row["responses"])
    return Assessment(**columns)
