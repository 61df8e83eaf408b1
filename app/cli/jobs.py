"""Lists background jobs and retries failed ones.

reads   DATABASE_URL; `retry` also REDIS_URL (optional: wakes the workers at once) and JOB_MAX_ATTEMPTS
writes  `list` nothing; `retry` the jobs, and a line for each in the audit log
needs   Postgres with all migrations; no server, no secret
"""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.cli.arguments import positive_integer
from app.cli.console import print_error, print_json_lines, print_table
from app.cli.wake_workers import wake_workers
from app.domain.errors import CallerError
from app.domain.job.notification import JobNotification
from app.domain.records.jobs import JobRecord
from app.domain.states import JobStatus, JobType
from app.domain.text import count_of
from app.repositories import dead_letters as letters
from app.repositories.sql import Pool
from app.services.assessments.submit import Origin
from app.services.jobs import dead_letters
from app.services.jobs.dead_letters import RetriedJob
from app.settings import Settings
from app.wiring.pool import open_pool_for

# The actor in the audit log.
ACTOR = "assay jobs retry"
# A batch whose outcome can be checked before the rest is retried.
MAX_RETRIED_JOBS = 1000
_FROM_A_TERMINAL = Origin(None, None)


@dataclass
class _Progress:
    """The outcome of the retries so far."""

    refused: int = 0
    notifications: list[JobNotification] = field(default_factory=list)
    retried: dict[UUID, RetriedJob] = field(default_factory=dict)


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.set_defaults(uses_database=True)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    meaning = "print jobs, newest first"
    action = actions.add_parser("list", help=meaning, description=meaning)
    action.add_argument(
        "--status",
        choices=[str(status) for status in JobStatus],
        help="only this status; `failed` lists the dead letters",
    )
    help_text = "only this type: `gpt` scores essays, `rag` recommends, `fusion` computes the result"
    action.add_argument("--job-type", choices=[str(job_type) for job_type in JobType], help=help_text)
    action.add_argument("--limit", type=positive_integer, default=50, help="maximum number of jobs (default: 50)")
    action.add_argument("--json", action="store_true", help="print a JSON object per line")
    action.set_defaults(run=_list)
    meaning = "retry failed jobs; if the assessment is final, a new run starts that reuses its completed jobs"
    action = actions.add_parser("retry", help="retry failed jobs", description=meaning)
    jobs = action.add_mutually_exclusive_group(required=True)
    jobs.add_argument("job_ids", nargs="*", type=UUID, default=[], metavar="JOB_ID", help="a failed job")
    jobs.add_argument("--all", action="store_true", help="retry all failed jobs of newest runs")
    action.set_defaults(run=_retry)


def _list(settings: Settings, options: argparse.Namespace) -> int:
    jobs = asyncio.run(_read(settings, options))
    if options.json:
        print_json_lines(jobs)
    elif jobs:
        headings = ("job", "type", "status", "run", "tries", "created (UTC)")
        print_table(headings, ("track", "error"), [_cells(job) for job in jobs])
    else:
        print("no jobs")
    return 0


async def _read(settings: Settings, options: argparse.Namespace) -> list[JobRecord]:
    statuses = (JobStatus(options.status),) if options.status else JobStatus
    job_type = JobType(options.job_type) if options.job_type else None
    async with open_pool_for(settings, "assay jobs", 1) as pool:
        return await letters.page(pool, statuses, job_type, None, options.limit)


def _cells(job: JobRecord) -> tuple[str, ...]:
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


def _retry(settings: Settings, options: argparse.Namespace) -> int:
    return 0 if asyncio.run(retry(settings, options.job_ids)) else 1


async def retry(settings: Settings, job_ids: Sequence[UUID], limit: int = MAX_RETRIED_JOBS) -> bool:
    """Retries `job_ids`; if empty, up to `limit` failed jobs of the newest runs. Prints a line for each job; returns
    whether all were retried."""
    progress = _Progress()
    async with open_pool_for(settings, "assay jobs", 1) as pool:
        selected_ids = list(dict.fromkeys(job_ids)) or await letters.list_retryable(pool, limit + 1)
        more = not job_ids and len(selected_ids) > limit
        selected_ids = selected_ids[:limit] if more else selected_ids
        for job_id in selected_ids:
            await _retry_job(pool, job_id, settings.job_max_attempts, progress)
    await wake_workers(settings, progress.notifications)
    print(f"{len(selected_ids) - progress.refused} of {count_of(len(selected_ids), 'job')} queued again")
    if more:
        print_error("there are more failed jobs; run this again for the rest")
    return not (more or progress.refused)


async def _retry_job(pool: Pool, job_id: UUID, attempts: int, progress: _Progress) -> None:
    retried = progress.retried.get(job_id)
    if retried is None:
        try:
            async with pool.acquire() as conn, conn.transaction():
                retried = await dead_letters.retry(conn, ACTOR, job_id, attempts, _FROM_A_TERMINAL)
        except CallerError as error:
            progress.refused += 1
            print_error(f"{job_id}: {error.detail}")
            return
        progress.notifications += retried.notifications
        progress.retried |= dict.fromkeys(retried.retried_ids, retried)
    job = retried.job
    print(f"{job_id}: queued again" + (f", in run {job.run} of {job.assessment_id}" if job.job_id != job_id else ""))
