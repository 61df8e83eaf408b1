"""Periodic maintenance, done by every worker and safe in all of them at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from app.clients.llm.embedder import Embedder, EmbeddingUnavailable
from app.clients.redis.job_queue import REDIS_UNAVAILABLE
from app.outages import REDIS, Outage, report_database_error
from app.repositories.sql import DATABASE_UNAVAILABLE
from app.services import day_counts, erasure, sessions
from app.services.jobs import maintenance
from app.services.jobs.rescore_degraded import DegradedRescorer
from app.services.recommendations.embed_credentials import CredentialEmbedder
from app.wiring.context import Context

log = structlog.get_logger()


@dataclass(frozen=True)
class Schedule:
    """Work that is repeated every `seconds`; with `drain`, at once while a run found something to do."""

    name: str
    seconds: float
    work: Callable[[], Awaitable[int]]
    drain: bool = False


def schedules(context: Context, embedder: Embedder, rescorer: DegradedRescorer | None) -> tuple[Schedule, ...]:
    """The maintenance of a worker; without a `rescorer`, degraded essays stay as they are."""
    pool, queue, retention = context.pool, context.job_queue, context.settings.retention_days
    return (
        Schedule("relay", 1, lambda: maintenance.relay(pool, queue)),
        Schedule("expire_overdue", 5, lambda: maintenance.expire_overdue(pool), drain=True),
        Schedule("forget_keys", 60, lambda: maintenance.delete_expired_keys(pool), drain=True),
        Schedule("forget_reservations", 60, lambda: maintenance.delete_expired_reservations(pool), drain=True),
        Schedule("forget_sessions", 300, lambda: sessions.delete_expired(pool), drain=True),
        Schedule("forget_shares", 3600, lambda: maintenance.delete_old_shares(pool), drain=True),
        Schedule("count_days", 60, lambda: day_counts.count_next_day(pool), drain=True),
        Schedule("erase_people", 2, lambda: erasure.erase_next(pool, queue), drain=True),
        *([Schedule("erase_old", 300, lambda: erasure.erase_old(pool, retention), drain=True)] if retention else []),
        Schedule("embed_passages", 5, CredentialEmbedder(pool, embedder).embed, drain=True),
        *([Schedule("rescore_degraded", rescorer.interval, rescorer.run_once)] if rescorer else []),
    )


async def repeat(schedule: Schedule) -> None:
    """Does the work until cancelled; a failure is logged and the work tried again at its next turn."""
    outage = Outage("maintenance_failed", "maintenance_recovered", schedule=schedule.name)
    while True:
        done = await _run(schedule, outage)
        if not (done and schedule.drain):
            # Spread out: workers that start together would otherwise all query at the same moment.
            await asyncio.sleep(schedule.seconds * random.uniform(0.8, 1.2))  # noqa: S311  (no secret)


async def _run(schedule: Schedule, outage: Outage) -> int:
    try:
        done = await schedule.work()
        outage.record_success()
        return done
    except DATABASE_UNAVAILABLE as error:
        report_database_error(error, schedule.name)
    except REDIS_UNAVAILABLE as error:
        REDIS.report(error, schedule.name)
    except EmbeddingUnavailable as error:
        outage.report(error, "embedding")
    except Exception:
        log.exception("maintenance_raised", schedule=schedule.name)
    return 0
