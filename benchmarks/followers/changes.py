"""Changes of assessments by the service's own statements, published as a worker does, with the time of each commit."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from app.clients.redis import job_queue
from app.clients.redis.change_feed import ChangeFeed, PublishChange
from app.domain.records.jobs import ClaimedJob
from app.lifecycle import cancel_and_wait
from app.repositories import jobs
from app.repositories.sql import Pool
from benchmarks.followers.long_polls import TimedRevision

# So long that no worker takes a job over.
_LEASE_SECONDS = 3600.0
_SUBMITTED = """
SELECT j.id AS job_id, a.id AS assessment_id, a.owner, a.revision
FROM assessments a JOIN async_jobs j ON j.assessment_id = a.id
WHERE a.status = 'submitted' ORDER BY a.id LIMIT $1
"""


@dataclass
class ChangingAssessment:
    """A submitted assessment with one job; `committed` has its revisions since it was read."""

    job_id: UUID
    assessment_id: UUID
    owner: str
    revision: int
    committed: list[TimedRevision] = field(default_factory=list)
    _claimed: ClaimedJob | None = None

    async def change(self, pool: Pool, publish: PublishChange) -> None:
        """Claims and releases the job by turns, which can go on for ever; each raises the revision."""
        if self._claimed is None:
            self._claimed = await jobs.claim(pool, self.job_id, _LEASE_SECONDS)
            assert self._claimed, "another process has claimed the job"
        else:
            assert await jobs.release(pool, self._claimed), "the job was lost"
            self._claimed = None
        self.note_commit()
        publish(self.assessment_id)

    def note_commit(self) -> None:
        """Counts one revision more, committed now."""
        self.revision += 1
        self.committed.append(TimedRevision(self.revision, time.monotonic()))


Change = Callable[[ChangingAssessment], Awaitable[None]]


async def read_submitted(pool: Pool, count: int) -> list[ChangingAssessment]:
    """Assessments that `database_rows.insert_queued_jobs` has inserted."""
    return [ChangingAssessment(**row) for row in await pool.fetch(_SUBMITTED, count)]


@asynccontextmanager
async def publishing(pool: Pool, redis_url: str) -> AsyncIterator[Change]:
    """A function that changes an assessment and publishes the change through Redis."""
    redis = job_queue.connect(redis_url)
    feed = ChangeFeed(redis)
    publisher = asyncio.create_task(feed.run_publisher())
    try:
        yield lambda assessment: assessment.change(pool, feed.publish)
    finally:
        await cancel_and_wait(publisher)
        await redis.aclose()


async def change_at_rate(
    assessments: Sequence[ChangingAssessment], change: Change, count: int, per_second: float
) -> None:
    """Changes the assessments in turn at this rate, however long each change takes, at irregular intervals."""

    async def change_one(assessment: ChangingAssessment) -> None:
        await change(assessment)

    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            at = started + (number + random.random()) / per_second  # noqa: S311  (no secret)
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            group.create_task(change_one(assessments[number % len(assessments)]))


async def change_concurrently(
    assessments: Sequence[ChangingAssessment], change: Change, count: int, tasks: int
) -> None:
    """Changes the assessments in turn, as fast as so many tasks can; no two tasks change the same assessment."""

    async def change_every_nth(first: int) -> None:
        for number in range(first, count, tasks):
            await change(assessments[number % len(assessments)])

    assert len(assessments) % tasks == 0, "two tasks would change the same assessment"
    await asyncio.gather(*(change_every_nth(first) for first in range(tasks)))


def delays(committed: Sequence[TimedRevision], received: Sequence[TimedRevision]) -> list[float | None]:
    """Seconds from each commit to the first answer with that revision or a later one; None where none came."""
    remaining = list(received)
    seconds: list[float | None] = []
    for commit in committed:
        while remaining and remaining[0].revision < commit.revision:
            remaining.pop(0)
        seconds.append(remaining[0].at - commit.at if remaining else None)
    return seconds
