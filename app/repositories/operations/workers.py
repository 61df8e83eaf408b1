"""Workers that are alive, and what has ended lately."""

from collections.abc import Mapping
from uuid import UUID

from app.domain.records.workers import CallCount, DayBudget, DueDeliveries, EndedJobs, QueueLoad, WorkerRecord
from app.domain.states import JobStatus, JobType
from app.repositories.sql import Executor, statements

_SQL = statements("workers")


async def report(
    db: Executor, worker_id: UUID, host: str, version: str, load: Mapping[str, QueueLoad], forget_after: float
) -> None:
    """Stores that a worker is alive, and how busy; forgets those that have not reported for `forget_after` seconds."""
    # As plain texts: JSON takes no members of an enumeration for names.
    loads = {str(queue): of_queue.model_dump() for queue, of_queue in load.items()}
    await db.execute(_SQL["report"], worker_id, host, version, loads, forget_after)


async def leave(db: Executor, worker_id: UUID) -> None:
    """Forgets a worker that stops."""
    await db.execute(_SQL["leave"], worker_id)


async def list_alive(db: Executor, seconds: float) -> list[WorkerRecord]:
    """The workers that have reported in the last so many seconds, the oldest first."""
    return [WorkerRecord.model_validate(dict(row)) for row in await db.fetch(_SQL["list"], seconds)]


async def count_ended(db: Executor, seconds: float) -> list[EndedJobs]:
    """The jobs that ended in the last so many seconds."""
    rows = await db.fetch(_SQL["count_ended"], seconds)
    return [EndedJobs(JobType(row["job_type"]), JobStatus(row["status"]), row["count"]) for row in rows]


async def count_due_deliveries(db: Executor) -> DueDeliveries:
    """The messages to webhooks that wait for a worker."""
    row = await db.fetchrow(_SQL["count_due_deliveries"])
    return DueDeliveries(row["count"], row["delay"], row["retried"]) if row else DueDeliveries(0, 0.0, 0)


async def count_calls(db: Executor, seconds: float) -> list[CallCount]:
    """The calls of models in the last so many seconds, by model and outcome."""
    return [CallCount(**dict(row)) for row in await db.fetch(_SQL["count_calls"], seconds)]


async def read_budget(db: Executor) -> DayBudget:
    """What calls have cost today."""
    row = await db.fetchrow(_SQL["read_budget"])
    return DayBudget(row["spent"], row["reserved"]) if row else DayBudget(0.0, 0.0)
