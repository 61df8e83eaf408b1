"""Part "workers": jobs of one queue, done by one worker process and by up to ten."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.job.notification import JobNotification
from app.repositories.sql import Pool
from app.wiring.pool import open_pool
from benchmarks import database_rows
from benchmarks.environment import Environment
from benchmarks.http_client import send_requests
from benchmarks.jobs.empty_jobs import measure_empty_jobs
from benchmarks.processes import start_child, start_service, wait_for
from benchmarks.report import Measurement, at_least, at_most
from benchmarks.server import start_server, submit_request
from tests.faults.ledger import Ledger

_MODEL_SECONDS = 2.0
# Jobs that a worker runs at the same time.
_SLOTS = 2
_WORKERS = (1, 2, 5, 10)
# For each worker: so many rounds with all slots busy.
_JOBS = 20
_ESSAYS = 2
NOTES = (
    f"workers: the fake model answers after {_MODEL_SECONDS:g} s, and a worker runs {_SLOTS} jobs at the same time, "
    f"each of {_ESSAYS} essays, so that workers wait more than they work. From the commit that makes {_JOBS} jobs for "
    "each worker due, each of another student, to the end of the last one. Jobs that do nothing: with eight slots for "
    "each worker, from the first message to the last commit; Postgres alone is the same claim and finish without a "
    "worker.",
)
_HOLD_JOBS = "UPDATE async_jobs SET run_after = 'infinity' WHERE assessment_id = ANY($1) AND job_type <> 'fusion'"
_MAKE_DUE = """
UPDATE async_jobs SET run_after = now(), dispatched_at = now()
WHERE assessment_id = ANY($1) AND job_type = 'gpt' RETURNING id, fence, run_after
"""
_UNFINISHED = "SELECT count(*) FROM async_jobs WHERE id = ANY($1) AND status NOT IN ('completed', 'failed')"
_LAST_END = "SELECT max(completed_at) FROM async_jobs WHERE id = ANY($1)"
_JOBS_OF_PROCESSES = """
SELECT count(DISTINCT job_id) FROM faults.ledger WHERE claim AND job_id = ANY($1) GROUP BY process
"""
_DONE_TWICE = """
SELECT (SELECT sum(fence - 1) FROM async_jobs WHERE id = ANY($1))
     + (SELECT count(*) FROM model_calls JOIN async_jobs j USING (assessment_id) WHERE j.id = ANY($1))
     - $2 * cardinality($1::uuid[])
"""


@dataclass(frozen=True)
class _Round:
    """Jobs per second of so many workers, how many each did, and how often something was done again."""

    rate: float
    shares: Sequence[int]
    done_twice: int


def run(environment: Environment) -> list[Measurement]:
    """Rates for each number of workers, and what was done more than once."""
    # First, since the record of claims costs Postgres time.
    empty = measure_empty_jobs(environment, _WORKERS)
    with start_child("essays.model_provider", seconds=_MODEL_SECONDS) as model:
        url = model.receive()
        environment.run(lambda pool: Ledger(pool).install())
        rounds = {workers: _measure(environment, url, workers) for workers in _WORKERS}
    per_worker = _SLOTS / _MODEL_SECONDS
    measurements = [
        at_least(
            "workers", "one worker" if workers == 1 else f"{workers} workers", figures.rate,
            {"all slots busy": workers * per_worker}, None,
            f"each did {min(figures.shares)} to {max(figures.shares)} jobs",
        )
        for workers, figures in rounds.items()
    ]  # fmt: skip
    twice = sum(figures.done_twice for figures in rounds.values())
    return [*measurements, *empty, at_most("workers", "claims and model calls too many", "", twice, {}, 1)]


def _measure(environment: Environment, url: str, workers: int) -> _Round:
    held = _submit_and_hold(environment, workers * _JOBS)
    settings = {
        "DATABASE_URL": environment.database_url, "REDIS_URL": environment.redis_url,
        "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": url, "WORKER_CONCURRENCY": str(_SLOTS),
    }  # fmt: skip
    log = environment.folder / f"worker-{workers}.log"
    with start_service("worker", log, "worker_started", settings, workers) as process:
        wait_for(lambda: environment.run(database_rows.all_passages_embedded), process, "passages to be embedded")
        job_ids, started = asyncio.run(_make_due(environment, held))

        def finished() -> bool:
            return not environment.run(lambda pool: pool.fetchval(_UNFINISHED, job_ids))

        wait_for(finished, process, "all jobs")
    return environment.run(lambda pool: _read_round(pool, job_ids, started))


def _submit_and_hold(environment: Environment, count: int) -> list[UUID]:
    assessments = environment.run(lambda pool: database_rows.insert_answered(pool, environment.bank, count))
    with start_server(environment) as server:
        send_requests(server.port, [submit_request(assessment) for assessment in assessments], clients=4)
    ids = [assessment.assessment_id for assessment in assessments]
    environment.run(lambda pool: pool.execute(_HOLD_JOBS, ids))
    return ids


async def _make_due(environment: Environment, assessment_ids: list[UUID]) -> tuple[list[UUID], datetime]:
    """Makes the essay jobs due and notifies workers; returns the jobs, and the time of the commit."""
    async with open_pool(environment.database_url, "assay bench", 1) as pool:
        rows = await pool.fetch(_MAKE_DUE, assessment_ids)
    queue = JobQueue(job_queue.connect(environment.redis_url))
    await queue.notify([JobNotification(row["id"], "gpt", row["fence"]) for row in rows])
    await queue.redis.aclose()
    return [row["id"] for row in rows], rows[0]["run_after"]


async def _read_round(pool: Pool, job_ids: list[UUID], started: datetime) -> _Round:
    seconds = (await pool.fetchval(_LAST_END, job_ids) - started).total_seconds()
    shares = [row["count"] for row in await pool.fetch(_JOBS_OF_PROCESSES, job_ids)]
    return _Round(len(job_ids) / seconds, shares, int(await pool.fetchval(_DONE_TWICE, job_ids, _ESSAYS)))
