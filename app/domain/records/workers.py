"""Workers that are alive, and what they have done lately."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.states import JobStatus, JobType
from app.domain.values import Frozen


class QueueLoad(Frozen):
    """How many jobs of a queue a worker runs, and how many it can run at the same time."""

    running: int
    slots: int


class WorkerRecord(Frozen):
    """A worker with its load by queue."""

    worker_id: UUID
    host: str
    version: str
    started_at: datetime
    seen_at: datetime
    load: dict[str, QueueLoad]


@dataclass(frozen=True)
class EndedJobs:
    """How many jobs of a type have ended with a status."""

    job_type: JobType
    status: JobStatus
    count: int


@dataclass(frozen=True)
class DueDeliveries:
    """How many messages to webhooks wait for a worker, for how many seconds the oldest has, and how many were tried in
    vain and will be tried again."""

    count: int
    delay: float
    retried: int


@dataclass(frozen=True)
class CallCount:
    """How many calls of a model had an outcome, when the newest was, and what the provider last said about it."""

    model: str
    outcome: str
    calls: int
    newest_at: datetime
    message: str | None


@dataclass(frozen=True)
class DayBudget:
    """What calls of models have cost today (UTC) in dollars, and what is reserved for those in flight."""

    spent: float
    reserved: float
