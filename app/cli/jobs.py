"""Lists background jobs and retries failed ones.

reads   DATABASE_URL; `retry` also REDIS_URL (optional: wakes the workers at once) and JOB_MAX_ATTEMPTS
writes  `list` nothing; `retry` the jobs, and a line for each in the audit log
needs   Postgres with all migrations; no server, no secret
"""

import argparse
import asyncio
from collections.abc import Sequence
from uuid import UUID

from app.cli.arguments import positive_integer
from app.cli.console import print_error, print_json_lines, print_table
from app.cli.wake_workers import wake_workers
from app.domain.job.notification import JobNotification
from app.domain.records.jobs import JobRecord
from app.domain.states import JobStatus, JobType
from app.domain.text import count_of
from app.repositories import dead_letters as letters
from app.services.assessments.submit import Origin
from app.services.jobs.bulk_retry import RetryOutcome, retry_each
from app.settings import Settings
from app.wiring.pool import open_pool_for

# The actor in the audit log.
ACTOR = "assay jobs retry"
# A batch whose outcome can be checked before the rest is retried.
MAX_RETRIED_JOBS = 1000
_FROM_A_TERMINAL = Origin(None, None)


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
    refused, notifications = 0, list[JobNotification]()
    async with open_pool_for(settings, "assay jobs", 1) as pool:
        selected_ids = list(dict.fromkeys(job_ids)) or await letters.list_retryable(pool, limit + 1)
        more = not job_ids and len(selected_ids) > limit
        selected_ids = selected_ids[:limit] if more else selected_ids
        async for outcome in retry_each(pool, ACTOR, selected_ids, settings.job_max_attempts, _FROM_A_TERMINAL):
            _print_outcome(outcome)
            refused += outcome.retried is None
            notifications += outcome.retried.notifications if outcome.retried and outcome.is_first else ()
    await wake_workers(settings, notifications)
    print(f"{len(selected_ids) - refused} of {count_of(len(selected_ids), 'job')} queued again")
    if more:
        print_error("there are more failed jobs; run this again for the rest")
    return not (more or refused)


def _print_outcome(outcome: RetryOutcome) -> None:
    if outcome.retried is None:
        print_error(f"{outcome.job_id}: {outcome.refused}")
        return
    job = outcome.retried.job
    in_new_run = f", in run {job.run} of {job.assessment_id}" if job.job_id != outcome.job_id else ""
    print(f"{outcome.job_id}: queued again{in_new_run}")
