"""The state of the whole system, for those who run it: read once for all who look."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.clients.llm.gate import gate_name
from app.clients.llm.gate_state import Breaker, read_breaker
from app.clients.redis.job_queue import JobQueue
from app.domain.records.jobs import JobCount
from app.domain.records.workers import CallCount, DayBudget, WorkerRecord
from app.domain.states import WEBHOOKS, JobStatus, JobType
from app.outages import report_database_error
from app.repositories import jobs
from app.repositories.operations import workers
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool
from app.services.checks.models import ACTIONS
from app.services.operations import Readiness, RedisCheck, check_readiness
from app.services.worker_presence import list_alive

# Seconds for which the state is remembered.
_STATE_SECONDS = 3.0
_HOUR = 3600.0


@dataclass(frozen=True)
class ModelSetup:
    """The models that this deployment uses (none without a key), where, and the dollars for a day (None: no limit)."""

    names: Sequence[str] = ()
    base_url: str | None = None
    budget_usd: float | None = None


@dataclass(frozen=True)
class QueueState:
    """A queue: how many wait for a worker, run and were given up, for how many seconds the oldest has waited, and how
    many were done and given up in the last hour. Of messages to webhooks only the first and the wait are known, and
    how many were tried in vain and will be tried again."""

    name: str
    waiting: int
    delay: float
    running: int | None = None
    failed: int | None = None
    done_last_hour: int | None = None
    failed_last_hour: int | None = None
    retried: int = 0


@dataclass(frozen=True)
class SystemState:
    """How everything is at a moment. What comes from Postgres is empty while that is unavailable."""

    at: datetime
    readiness: Readiness
    workers: Sequence[WorkerRecord] = ()
    queues: Sequence[QueueState] = ()
    calls: Sequence[CallCount] = ()
    budget: DayBudget | None = None
    budget_usd: float | None = None
    breakers: Mapping[str, Breaker] | None = None

    @property
    def faults(self) -> list[tuple[CallCount, str]]:
        """Calls that failed for a reason that somebody has to mend, and how."""
        return [(call, ACTIONS[call.outcome]) for call in self.calls if call.outcome in ACTIONS]

    @property
    def budget_is_spent(self) -> bool:
        """Whether no call fits into today's budget any more."""
        return self.budget is not None and self.budget_usd is not None and self.budget.spent >= self.budget_usd


class SystemWatch:
    """Reads the state at most once in some seconds, however many look."""

    def __init__(
        self,
        pool: Pool,
        job_queue: JobQueue,
        redis_check: RedisCheck,
        setup: ModelSetup,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool, self._job_queue, self._redis_check = pool, job_queue, redis_check
        self._setup, self._clock = setup, clock
        self._lock = asyncio.Lock()
        self._state: SystemState | None = None
        self._expires_at = 0.0

    async def read(self) -> SystemState:
        """The state, which may be some seconds old."""
        async with self._lock:
            if self._state is None or self._clock() >= self._expires_at:
                self._state = await self._read()
                self._expires_at = self._clock() + _STATE_SECONDS
            return self._state

    async def _read(self) -> SystemState:
        readiness = await check_readiness(self._pool, self._redis_check)
        breakers = {name: await self._breaker(name, readiness) for name in self._setup.names}
        now, budget_usd = datetime.now(UTC), self._setup.budget_usd
        try:
            alive, queues = await list_alive(self._pool), await self._queues()
            calls, budget = await workers.count_calls(self._pool, _HOUR), await workers.read_budget(self._pool)
        except DATABASE_UNAVAILABLE as error:
            report_database_error(error, "reading the state of the system")
            return SystemState(now, readiness, breakers=breakers)
        return SystemState(now, readiness, alive, queues, calls, budget, budget_usd, breakers)

    async def _breaker(self, model: str, readiness: Readiness) -> Breaker:
        if readiness.redis != "ok":
            return Breaker.UNKNOWN
        return await read_breaker(self._job_queue.redis, gate_name(self._setup.base_url, model))

    async def _queues(self) -> list[QueueState]:
        counts = {(count.job_type, count.status): count for count in await jobs.count_by_status(self._pool)}
        ended = {(line.job_type, line.status): line.count for line in await workers.count_ended(self._pool, _HOUR)}
        due = await workers.count_due_deliveries(self._pool)
        states = [_state_of(job_type, counts, ended) for job_type in JobType]
        return [*states, QueueState(WEBHOOKS, due.count, due.delay, retried=due.retried)]


def _state_of(
    job_type: JobType,
    counts: Mapping[tuple[JobType, JobStatus], JobCount],
    ended: Mapping[tuple[JobType, JobStatus], int],
) -> QueueState:
    none = JobCount(job_type, JobStatus.QUEUED, 0, 0.0)
    queued = counts.get((job_type, JobStatus.QUEUED), none)
    return QueueState(
        job_type,
        queued.count,
        queued.delay,
        counts.get((job_type, JobStatus.IN_PROGRESS), none).count,
        counts.get((job_type, JobStatus.FAILED), none).count,
        ended.get((job_type, JobStatus.COMPLETED), 0),
        ended.get((job_type, JobStatus.FAILED), 0),
    )
