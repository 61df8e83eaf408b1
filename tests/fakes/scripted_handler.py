"""A job handler that follows a script, for tests of the job runner."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.domain.errors import JobError
from app.domain.records.jobs import ClaimedJob
from app.domain.states import JobStatus
from app.repositories import jobs
from app.repositories.jobs import FinishedJob
from app.repositories.sql import Pool

Step = Callable[[ClaimedJob], Awaitable[FinishedJob | None]]


@dataclass
class ScriptedHandler:
    """Does the next step of its script, or finishes the job if there is none; records what happened."""

    pool: Pool
    script: list[Step] = field(default_factory=list)
    claims: list[ClaimedJob] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    started: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, job: ClaimedJob) -> FinishedJob | None:
        """Does the next step."""
        self.claims.append(job)
        self.started.set()
        try:
            return await (self.script.pop(0) if self.script else self.finish)(job)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def give_up(self, job: ClaimedJob, error: JobError) -> FinishedJob | None:
        """Ends the job as failed."""
        self.given_up.append(error.code)
        return await jobs.finish(self.pool, job, JobStatus.FAILED, error, None, [])

    async def finish(self, job: ClaimedJob) -> FinishedJob | None:
        """Ends the job as completed."""
        return await jobs.finish(self.pool, job, JobStatus.COMPLETED, None, None, [])


def raises(error: BaseException) -> Step:
    """A step that raises."""

    async def step(job: ClaimedJob) -> FinishedJob | None:
        raise error

    return step


async def hangs(job: ClaimedJob) -> FinishedJob | None:
    """A step that never ends on its own."""
    await asyncio.Event().wait()
    return None
