"""`assay jobs`: dead letters from a terminal, straight from Postgres."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.errors import CallerError
from app.domain.job.notification import JobNotification
from app.domain.states import JobStatus, JobType
from app.repositories import dead_letters as letters
from app.repositories.sql import Pool
from app.schemas import JobLineView, job_line_view
from app.services.assessments.submit import Origin
from app.services.jobs import dead_letters
from app.services.jobs.dead_letters import Retried
from app.services.jobs.runner import notify
from app.settings import Settings
from app.wiring.context import open_pool

# Who retried, in the audit log.
ACTOR = "assay jobs retry"
# As many as one call retries: a look at what becomes of them is worth more than the rest at once.
MOST = 1000
# One job, one line, up to a long error; a narrower terminal breaks the lines itself, and leaves no part out.
_WIDTH = 160
_FROM_A_TERMINAL = Origin(None, None)


@dataclass
class Tally:
    """What became of the jobs that were to be retried; `rest` says that there were more than one call retries."""

    rest: bool = False
    refused: int = 0
    rings: list[JobNotification] = field(default_factory=list)
    answered: dict[UUID, Retried] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether all were retried."""
        return not (self.rest or self.refused)


async def read(settings: Settings, status: JobStatus | None, job_type: JobType | None, limit: int) -> list[JobLineView]:
    """Jobs, newest first."""
    async with open_pool(settings.secret("database_url"), "assay jobs", 1) as pool:
        found = await letters.page(pool, JobStatus if status is None else (status,), job_type, None, limit)
    return [job_line_view(line) for line in found]


def show(jobs: Sequence[JobLineView], *, as_json: bool) -> None:
    """Prints jobs: a table, or a JSON object a line."""
    console = Console(width=_WIDTH)
    if as_json:
        for job in jobs:
            console.out(job.model_dump_json(), highlight=False)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("job", "type", "status", "run", "tries", "created (UTC)"):
        table.add_column(heading, no_wrap=True)
    for heading in ("track", "error"):
        table.add_column(heading, overflow="fold")
    for job in jobs:
        table.add_row(*(Text(cell) for cell in _cells(job)))
    console.print(table if jobs else "no jobs")


async def retry(settings: Settings, job_ids: Sequence[UUID], most: int = MOST) -> bool:
    """Tries these jobs again, or without any the failed ones of all newest runs, at most so many; prints a line for
    each, and returns whether all were retried."""
    tally = Tally()
    async with open_pool(settings.secret("database_url"), "assay jobs", 1) as pool:
        wanted = list(dict.fromkeys(job_ids)) or await letters.failed_of_newest_runs(pool, most + 1)
        tally.rest = not job_ids and len(wanted) > most
        for job_id in wanted[: None if job_ids else most]:
            await _retry(pool, job_id, settings.job_max_attempts, tally)
    await _ring(settings, tally.rings)
    asked = len(wanted) - tally.rest
    _say(f"{asked - tally.refused} of {asked} job(s) queued again")
    if tally.rest:
        _complain("there are more failed jobs; run this again for the rest")
    return tally.complete


async def _retry(pool: Pool, job_id: UUID, attempts: int, tally: Tally) -> None:
    retried = tally.answered.get(job_id)
    if retried is None:
        try:
            async with pool.acquire() as conn, conn.transaction():
                retried = await dead_letters.retry(conn, ACTOR, job_id, attempts, _FROM_A_TERMINAL)
        except CallerError as error:
            tally.refused += 1
            _complain(f"{job_id}: {error.detail}")
            return
        tally.rings += retried.notifications
        tally.answered |= dict.fromkeys(retried.answered, retried)
    job = retried.job
    _say(f"{job_id}: queued again" + (f", in run {job.run} of {job.assessment_id}" if job.job_id != job_id else ""))


async def _ring(settings: Settings, rings: Iterable[JobNotification]) -> None:
    """Wakes the workers; without Redis they find the jobs by themselves a little later."""
    due = tuple(rings)
    if due and settings.redis_url:
        redis = job_queue.connect(settings.secret("redis_url"))
        try:
            await notify(JobQueue(redis), due)
        finally:
            await redis.aclose()


def _say(line: str) -> None:
    Console().out(line, highlight=False)


def _complain(line: str) -> None:
    Console(stderr=True).out(f"assay: {line}", highlight=False)


def _cells(job: JobLineView) -> tuple[str, ...]:
    return (
        str(job.job_id),
        job.job_type,
        job.status,
        str(job.run),
        f"{job.attempts}/{job.max_attempts}",
        f"{job.created_at:%Y-%m-%d %H:%M:%S}",
        job.track,
        f"{job.error.code}: {job.error.detail}" if job.error else "",
    )
