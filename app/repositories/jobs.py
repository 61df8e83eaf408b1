"""Jobs: claiming, renewing, requeueing and ending them, and what they work on. Each write names the status that it
expects and the fence of its worker."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from app.domain.errors import JobError
from app.domain.job.notification import JobNotification
from app.domain.records.jobs import ClaimedJob, JobCount, RunInputs, RunJob, RunRef
from app.domain.result.model import EssayLine, Override, Reason, Recommendation, Result
from app.domain.states import WEBHOOKS, JobStatus, JobType, RunMode, ScoreType
from app.repositories import decoding
from app.repositories.sql import Executor, statements

_SQL = statements("jobs")
_run_jobs = TypeAdapter(tuple[RunJob, ...])
_overrides = TypeAdapter(dict[UUID, Override])
_ESSAY_COLUMNS = (
    "question_id", "score", "max_score", "missing", "reason", "scorer", "model", "prompt_version", "confidence",
)  # fmt: skip


@dataclass(frozen=True)
class FinishedJob:
    """The end of a job, with the job or webhook delivery that became due by it."""

    next_job: JobNotification | None


class NewerOverrides(Exception):
    """A score was overridden after the result was put together."""


async def claim(db: Executor, job_id: UUID, lease_seconds: float) -> ClaimedJob | None:
    """Claims a job that is due, or whose lease has run out; None if another worker has it."""
    row = await db.fetchrow(_SQL["claim"], job_id, lease_seconds)
    if row is None:
        return None
    columns = {name: row[name] for name in ClaimedJob.__dataclass_fields__}
    return ClaimedJob(**{**columns, "job_type": JobType(row["job_type"])})


async def renew(db: Executor, job: ClaimedJob, lease_seconds: float) -> bool:
    """Renews the lease; False if it is lost."""
    return await db.fetchval(_SQL["renew"], job.id, job.fence, lease_seconds) is not None


async def retry_later(db: Executor, job: ClaimedJob, delay: float, error: JobError, *, charged: bool) -> bool:
    """Queues the job again after a failure, due in `delay` seconds; False if the lease is lost. The attempt counts if
    it is `charged`."""
    return await db.fetchval(_SQL["requeue"], job.id, job.fence, delay, charged, _failure(error)) is not None


async def release(db: Executor, job: ClaimedJob, delay: float = 0.0) -> bool:
    """Hands the job back without counting the attempt, due in `delay` seconds; False if the lease is lost."""
    return await db.fetchval(_SQL["requeue"], job.id, job.fence, delay, False, None) is not None


async def finish(
    db: Executor,
    job: ClaimedJob,
    status: JobStatus,
    error: JobError | None,
    output: dict[str, Any] | None,
    reasons: Iterable[Reason],
) -> FinishedJob | None:
    """Ends a `gpt` or `rag` job; None if the lease is lost."""
    columns = (status, _failure(error), output, [reason.model_dump(mode="json") for reason in reasons])
    return _finished(await db.fetchrow(_SQL["finish"], job.id, job.fence, *columns), JobType.FUSION, job.owner)


async def complete_assessment(
    db: Executor, job: ClaimedJob, result: Result, overrides_version: int
) -> FinishedJob | None:
    """Ends a `fusion` job with its result, into which the overrides up to this version went; None if the lease is lost.

    Raises:
        NewerOverrides: a score was overridden since; nothing is written.
    """
    recommendations = [_recommendation_row(recommendation) for recommendation in result.recommendations]
    reasons = [reason.model_dump(mode="json") for reason in result.degraded_reasons]
    columns = (result.model_dump_json(), recommendations, result.completed_at, reasons, overrides_version)
    row = await db.fetchrow(_SQL["complete_assessment"], job.id, job.fence, *columns, result.needs_review)
    if row and row["assessment_id"] is None:
        raise NewerOverrides
    return _finished(row, WEBHOOKS)


async def fail_assessment(db: Executor, job: ClaimedJob, error: JobError) -> FinishedJob | None:
    """Ends a `fusion` job without a result; None if the lease is lost."""
    return _finished(await db.fetchrow(_SQL["fail_assessment"], job.id, job.fence, _failure(error)), WEBHOOKS)


async def take_unclaimed(
    db: Executor, job_types: Iterable[JobType], grace_seconds: float, limit: int
) -> list[JobNotification]:
    """Jobs that are due, or whose lease has run out, and that no worker has claimed within `grace_seconds` of their
    last notification, and of types other than `job_types` those that had none; marks them as notified."""
    rows = await db.fetch(_SQL["take_unclaimed"], list(job_types), grace_seconds, limit)
    return [JobNotification(row["id"], JobType(row["job_type"]), row["fence"], row["owner"]) for row in rows]


async def count_by_status(db: Executor) -> list[JobCount]:
    """How many jobs of each type are queued, running or failed."""
    rows = await db.fetch(_SQL["count_by_status"])
    return [JobCount(JobType(row["job_type"]), JobStatus(row["status"]), row["count"], row["delay"]) for row in rows]


async def read_run(db: Executor, run: RunRef) -> RunInputs | None:
    """Everything that the jobs of a run work on; None if there is no such assessment, perhaps since a moment ago."""
    row = await db.fetchrow(_SQL["read_run"], run.assessment_id, run.run)
    if row is None:
        return None
    if row["began_at"] is None:
        raise RuntimeError("a run of an assessment that was not submitted")
    scores = row["scores"]
    essays = [score for score in scores if score["score_type"] == ScoreType.ESSAY_GPT]
    return RunInputs(
        assessment_id=row["assessment_id"],
        track=row["track"],
        track_name=row["track_name"],
        track_skills=tuple(row["track_skills"]),
        disclosure=decoding.disclosure(row),
        began_at=row["began_at"],
        now=row["now"],
        questions=decoding.questions(row["questions"]),
        answers={saved.question_id: saved.answer for saved in decoding.responses.validate_python(row["responses"])},
        rule_scores=decoding.rule_scores(score for score in scores if score["score_type"] != ScoreType.ESSAY_GPT),
        essays=tuple(_essay(score) for score in essays),
        figures={UUID(score["question_id"]): score["figures"] for score in essays if score["figures"]},
        finished_essay_ids=frozenset(UUID(score["question_id"]) for score in essays if score["run"] == run.run),
        mode=RunMode(row["mode"]),
        overrides=_overrides.validate_python(row["overrides"]),
        overrides_version=row["overrides_version"],
        jobs={run_job.job_type: run_job for run_job in _run_jobs.validate_python(row["jobs"])},
        tokens=row["tokens"],
        cost_usd=row["cost_usd"],
    )


def _failure(error: JobError | None) -> dict[str, str] | None:
    return {"code": error.code, "detail": error.detail} if error else None


def _finished(row: asyncpg.Record | None, queue: str, owner: str | None = None) -> FinishedJob | None:
    if row is None:
        return None
    return FinishedJob(JobNotification(row["due_id"], queue, row["due_fence"], owner) if row["due_id"] else None)


def _essay(row: dict[str, Any]) -> EssayLine:
    return EssayLine(**{name: row[name] for name in _ESSAY_COLUMNS}, **(row["detail"] or {}))


def _recommendation_row(recommendation: Recommendation) -> dict[str, Any]:
    return {
        "rank": recommendation.rank,
        "credential_id": recommendation.credential_id,
        "credential_version": recommendation.sources[0].credential_version,
        "relevance": recommendation.relevance,
    }
