"""The jobs: claims, leases, ends. Each write names the state that it leaves, and the fence of who writes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from app.domain.errors import JobError
from app.domain.job.notification import JobNotification
from app.domain.records.jobs import ClaimedJob, RunInputs, RunJob, RunRef
from app.domain.result.model import EssayLine, Reason, Recommendation, Result
from app.domain.states import WEBHOOKS, JobStatus, JobType, RunMode, ScoreType
from app.repositories import decoding
from app.repositories.sql import Executor, statements

_SQL = statements("jobs")


@dataclass(frozen=True)
class FinishedJob:
    """What a job's end made due."""

    next_job: JobNotification | None


class NewerOverrides(Exception):
    """A result was made without an override that there is by now."""


async def claim(db: Executor, job_id: UUID, lease_seconds: float) -> ClaimedJob | None:
    """The job, if it is due (or its lease ran out) and nobody else has it."""
    row = await db.fetchrow(_SQL["claim"], job_id, lease_seconds)
    if row is None:
        return None
    columns = {name: row[name] for name in ClaimedJob.__dataclass_fields__}
    return ClaimedJob(**{**columns, "job_type": JobType(row["job_type"])})


async def renew(db: Executor, job: ClaimedJob, lease_seconds: float) -> bool:
    """Whether the lease is still held."""
    return await db.fetchval(_SQL["renew"], job.id, job.fence, lease_seconds) is not None


async def retry_later(db: Executor, job: ClaimedJob, delay: float, error: JobError, *, charged: bool) -> bool:
    """Back to the queue for `delay` seconds after a failure; False where the lease was lost."""
    return await db.fetchval(_SQL["requeue"], job.id, job.fence, delay, charged, _failure(error)) is not None


async def release(db: Executor, job: ClaimedJob, delay: float = 0.0) -> bool:
    """Back to the queue without a charge; False where the lease was lost."""
    return await db.fetchval(_SQL["requeue"], job.id, job.fence, delay, False, None) is not None


async def finish(
    db: Executor,
    job: ClaimedJob,
    status: JobStatus,
    error: JobError | None,
    output: dict[str, Any] | None,
    reasons: Iterable[Reason],
) -> FinishedJob | None:
    """Ends `gpt` or `rag`; None where the lease was lost."""
    shown = [reason.model_dump(mode="json") for reason in reasons]
    row = await db.fetchrow(_SQL["finish"], job.id, job.fence, status, _failure(error), output, shown)
    if row is None:
        return None
    return FinishedJob(JobNotification(row["due_id"], JobType.FUSION, row["due_fence"]) if row["due_id"] else None)


async def complete_assessment(
    db: Executor, job: ClaimedJob, result: Result, overrides_version: int
) -> FinishedJob | None:
    """Ends `fusion` with its result, made of the overrides up to this version; the message to the webhook is due then.
    None where the lease was lost.

    Raises:
        NewerOverrides: somebody has overridden a score since; nothing is written.
    """
    body = result.model_dump_json()
    advice = [_recommended(recommendation) for recommendation in result.recommendations]
    told = [reason.model_dump(mode="json") for reason in result.degraded_reasons]
    values = (body, advice, result.completed_at, told, overrides_version, result.needs_review)
    row = await db.fetchrow(_SQL["complete_assessment"], job.id, job.fence, *values)
    if row and row["held_id"] is None:
        raise NewerOverrides
    return _told(row)


async def fail_assessment(db: Executor, job: ClaimedJob, error: JobError) -> FinishedJob | None:
    """Gives `fusion` up; the message to the webhook is due then. None where the lease was lost."""
    return _told(await db.fetchrow(_SQL["fail_assessment"], job.id, job.fence, _failure(error)))


async def take_unheard(
    db: Executor, job_types: Iterable[JobType], patience: float, limit: int
) -> list[JobNotification]:
    """Jobs that someone should be working on, noted as rung for; `patience` (s) is how long a ring is trusted."""
    rows = await db.fetch(_SQL["take_unheard"], list(job_types), patience, limit)
    return [JobNotification(row["id"], JobType(row["job_type"]), row["fence"]) for row in rows]


async def count_by_status(db: Executor) -> list[tuple[JobType, JobStatus, int]]:
    """How many jobs of each type wait or run."""
    rows = await db.fetch(_SQL["count_by_status"])
    return [(JobType(row["job_type"]), JobStatus(row["status"]), row["count"]) for row in rows]


async def read_run(db: Executor, job: RunRef) -> RunInputs:
    """What the jobs of a run work on."""
    row = await db.fetchrow(_SQL["read_run"], job.assessment_id, job.run)
    if row is None:
        raise RuntimeError("a job without its assessment")
    scores = row["scores"]
    essays = [score for score in scores if score["score_type"] == ScoreType.ESSAY_GPT]
    return RunInputs(
        assessment_id=row["assessment_id"],
        track=row["track"],
        track_name=row["track_name"],
        track_skills=tuple(row["track_skills"]),
        began_at=_known(row["began_at"]),
        now=row["now"],
        questions=decoding.questions.validate_python(row["questions"]),
        answers={saved.question_id: saved.answer for saved in decoding.responses.validate_python(row["responses"])},
        rule_scores=decoding.rule_scores(score for score in scores if score["score_type"] != ScoreType.ESSAY_GPT),
        essays=tuple(_essay(score) for score in essays),
        settled=frozenset(UUID(score["question_id"]) for score in essays if score["run"] == job.run),
        mode=RunMode(row["mode"]),
        overrides=decoding.overrides.validate_python(row["overrides"]),
        overrides_version=row["overrides_version"],
        jobs={run_job.job_type: run_job for run_job in _run_jobs(row["jobs"])},
        tokens=row["tokens"],
        cost_usd=row["cost_usd"],
    )


def _failure(error: JobError | None) -> dict[str, str] | None:
    return {"code": error.code, "detail": error.detail} if error else None


def _told(row: asyncpg.Record | None) -> FinishedJob | None:
    if row is None:
        return None
    return FinishedJob(JobNotification(row["told_id"], WEBHOOKS, row["told_fence"]) if row["told_id"] else None)


def _run_jobs(rows: list[dict[str, Any]]) -> tuple[RunJob, ...]:
    return decoding.run_jobs.validate_python(rows)


def _known(at: datetime | None) -> datetime:
    if at is None:
        raise RuntimeError("a job of an assessment that was not submitted")
    return at


def _essay(row: dict[str, Any]) -> EssayLine:
    shown = ("question_id", "score", "max_score", "missing", "reason", "scorer", "model", "prompt_version")
    return EssayLine(**{name: row[name] for name in shown}, confidence=row["confidence"], **(row["detail"] or {}))


def _recommended(recommendation: Recommendation) -> dict[str, Any]:
    return {
        "rank": recommendation.rank,
        "credential_id": recommendation.credential_id,
        "credential_version": recommendation.sources[0].credential_version,
        "relevance": recommendation.relevance,
    }
