"""Rates of jobs that do nothing, done by several worker processes from one queue, and by Postgres alone."""

import asyncio
from contextlib import ExitStack
from datetime import datetime
from uuid import UUID

from app.repositories.sql import Pool
from benchmarks import database_rows
from benchmarks.environment import CONNECTIONS, Environment
from benchmarks.jobs import assay_worker
from benchmarks.processes import cpu_seconds, measure, start_child, wait_for
from benchmarks.report import Measurement, at_least

_JOBS = 2_000
_SLOTS = 8
# Of those that only claim and finish.
_TASKS = 32
_NAME = "assay bench noop"
_UNFINISHED = "SELECT count(*) FROM async_jobs WHERE id = ANY($1) AND status <> 'completed'"
_LAST_END = "SELECT max(completed_at) FROM async_jobs WHERE id = ANY($1)"
_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = $1"


def measure_empty_jobs(environment: Environment, numbers: tuple[int, ...]) -> list[Measurement]:
    """The rate of each of these numbers of workers, and what a job costs."""
    postgres = _postgres_rate(environment)
    return [_measure(environment, workers, postgres) for workers in numbers]


def _measure(environment: Environment, workers: int, postgres: float) -> Measurement:
    job_ids = _insert_jobs(environment)
    with ExitStack() as stack:
        children = [
            stack.enter_context(
                start_child(
                    "jobs.noop_consumer", redis_url=environment.redis_url, dsn=environment.database_url, name=_NAME,
                    slots=_SLOTS, connections=_SLOTS,
                )
            )
            for _ in range(workers)
        ]  # fmt: skip
        for child in children:
            child.receive()
        pids = [child.process.pid for child in children]
        before = sum(map(cpu_seconds, pids))
        started: datetime = environment.run(lambda pool: pool.fetchval("SELECT clock_timestamp()"))
        asyncio.run(assay_worker.notify(environment.redis_url, job_ids))

        def finished() -> bool:
            return not environment.run(lambda pool: pool.fetchval(_UNFINISHED, job_ids))

        wait_for(finished, children[0].process, "jobs that do nothing")
        cpu = sum(map(cpu_seconds, pids)) - before
        # Their connections were opened for these jobs.
        cpu_of_postgres = sum(map(cpu_seconds, environment.run(_backends)))
    seconds = (environment.run(lambda pool: pool.fetchval(_LAST_END, job_ids)) - started).total_seconds()
    name = "one worker" if workers == 1 else f"{workers} workers"
    note = (
        f"CPU time of a job: {1000 * cpu / _JOBS:.2f} ms of workers, {1000 * cpu_of_postgres / _JOBS:.2f} of Postgres"
    )
    rate = _JOBS / seconds
    return at_least("workers", f"{name}, jobs that do nothing", rate, {"Postgres alone": postgres}, None, note)


def _postgres_rate(environment: Environment) -> float:
    job_ids = _insert_jobs(environment)
    rate: float = measure(
        "jobs.noop_postgres", dsn=environment.database_url, job_ids=[str(job_id) for job_id in job_ids],
        slots=_TASKS, connections=CONNECTIONS,
    )  # fmt: skip
    return rate


def _insert_jobs(environment: Environment) -> list[UUID]:
    environment.run(database_rows.complete_submitted)
    return environment.run(lambda pool: database_rows.insert_queued_jobs(pool, _JOBS))


async def _backends(pool: Pool) -> list[int]:
    return [row["pid"] for row in await pool.fetch(_BACKENDS, _NAME)]
