"""What every worker does again and again, safe in all of them at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from app.clients.llm.embeddings_local import Embedder, EmbeddingUnavailable
from app.clients.redis.job_queue import REDIS_UNAVAILABLE
from app.repositories.sql import DATABASE_UNAVAILABLE
from app.services.jobs import maintenance
from app.services.jobs.rescore_degraded import DegradedRescorer
from app.services.recommendations.embed_credentials import CatalogueEmbedding
from app.wiring.context import Context

log = structlog.get_logger()


@dataclass(frozen=True)
class Schedule:
    """Work that is repeated after so many seconds, or at once while there is more of it."""

    name: str
    seconds: float
    work: Callable[[], Awaitable[int]]
    drain: bool = False


def schedules(context: Context, embedder: Embedder, healing: DegradedRescorer | None) -> tuple[Schedule, ...]:
    """The worker's upkeep; without `healing`, degraded essays stay as they are."""
    pool, doorbell = context.pool, context.job_queue
    return (
        Schedule("relay", 1, lambda: maintenance.relay(pool, doorbell)),
        Schedule("expire_overdue", 5, lambda: maintenance.expire_overdue(pool), drain=True),
        Schedule("forget_keys", 60, lambda: maintenance.forget_keys(pool), drain=True),
        Schedule("embed_passages", 5, CatalogueEmbedding(pool, embedder).embed, drain=True),
        *([Schedule("heal_essays", healing.interval, healing.heal)] if healing else []),
    )


async def repeat(schedule: Schedule) -> None:
    """Does the work until cancelled; trouble with it is logged and tried again at the next turn."""
    while True:
        done = await _once(schedule)
        if not (done and schedule.drain):
            # Spread out: workers started together would otherwise all look at the same moment.
            await asyncio.sleep(schedule.seconds * random.uniform(0.8, 1.2))  # noqa: S311  (no secret)


async def _once(schedule: Schedule) -> int:
    try:
        return await schedule.work()
    except (*DATABASE_UNAVAILABLE, *REDIS_UNAVAILABLE, EmbeddingUnavailable) as error:
        log.warning("upkeep_failed", schedule=schedule.name, error=type(error).__name__)
    except Exception:
        log.exception("upkeep_raised", schedule=schedule.name)
    return 0
