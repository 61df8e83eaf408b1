"""Work that does as it is told, for the pipeline's own tests."""

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
    """Does the next step of its script, or else finishes the job; remembers what happened to it."""

    pool: Pool
    script: list[Step] = field(default_factory=list)
    claims: list[ClaimedJob] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    started: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, job: ClaimedJob) -> FinishedJob | None:
        """The next step."""
        self.claims.append(job)
        self.started.set()
        try:
            return await (self.script.pop(0) if self.script else self.finish)(job)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def give_up(self, job: ClaimedJob, trouble: JobError) -> FinishedJob | None:
        """Ends the job as failed."""
        self.given_up.append(trouble.code)
        return await jobs.finish(self.pool, job, JobStatus.FAILED, trouble, None, [])

    async def finish(self, job: ClaimedJob) -> FinishedJob | None:
        """Ends the job well."""
        return await jobs.finish(self.pool, job, JobStatus.COMPLETED, None, None, [])


def raises(error: BaseException) -> Step:
    """A step that raises."""

    async def step(job: ClaimedJob) -> FinishedJob | None:
        raise error

    return step


async def hangs(job: ClaimedJob) -> FinishedJob | None:
    """A step that never ends by itself."""
    await asyncio.Event().wait()
    return None
