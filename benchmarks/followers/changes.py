"""Visible changes of assessments, each committed by the product's own statements and announced as a worker does."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.clients.redis.change_feed import PublishChange
from app.domain.records.assessments import ClaimedJob
from app.repositories import jobs
from app.repositories.sql import Pool
from benchmarks.followers.long_polls import Heard

# Longer than anything here: nobody else may take a job.
_LEASE_SECONDS = 3600.0
_PLANTED = """
SELECT j.id AS job_id, a.id AS assessment_id, a.owner, a.revision
FROM assessments a JOIN async_jobs j ON j.assessment_id = a.id
WHERE a.status = 'submitted' ORDER BY a.id LIMIT $1
"""


@dataclass
class Changing:
    """A submitted assessment with one job, and its revisions since it was read, each with the time of its commit."""

    job_id: UUID
    assessment_id: UUID
    owner: str
    revision: int
    made: list[Heard] = field(default_factory=list)
    _held: ClaimedJob | None = None

    async def change(self, pool: Pool, announce: PublishChange) -> None:
        """Claims the job, or hands it back: by turns, so that there is no end of changes."""
        if self._held is None:
            self._held = await jobs.claim(pool, self.job_id, _LEASE_SECONDS)
            assert self._held, "somebody else took the job"
        else:
            assert await jobs.release(pool, self._held), "the job was lost"
            self._held = None
        self.note()
        announce(self.assessment_id)

    def note(self) -> None:
        """One revision more, from now on."""
        self.revision += 1
        self.made.append(Heard(self.revision, time.monotonic()))


async def planted(pool: Pool, count: int) -> list[Changing]:
    """Planted assessments whose jobs can be claimed (`planting.queued`)."""
    return [Changing(**row) for row in await pool.fetch(_PLANTED, count)]


async def at_rate(
    assessments: Sequence[Changing], change: Callable[[Changing], Awaitable[None]], count: int, per_second: float
) -> None:
    """Changes the assessments in turn, so many a second however long each takes; not in step with anything."""
    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            at = started + (number + random.random()) / per_second  # noqa: S311  (no secret)
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            group.create_task(_awaited(change(assessments[number % len(assessments)])))


async def at_once(
    assessments: Sequence[Changing], change: Callable[[Changing], Awaitable[None]], count: int, tasks: int
) -> None:
    """Changes the assessments in turn, as fast as so many tasks can; each has assessments of its own."""

    async def run(first: int) -> None:
        for number in range(first, count, tasks):
            await change(assessments[number % len(assessments)])

    assert len(assessments) % tasks == 0, "two tasks would change the same assessment"
    await asyncio.gather(*(run(first) for first in range(tasks)))


def waited(made: Sequence[Heard], heard: Sequence[Heard]) -> list[float | None]:
    """Seconds from each change to the first answer that has it or a later one; None where nothing told of it."""
    left = list(heard)
    found: list[float | None] = []
    for change in made:
        while left and left[0].revision < change.revision:
            left.pop(0)
        found.append(left[0].at - change.at if left else None)
    return found


async def _awaited(work: Awaitable[None]) -> None:
    await work
