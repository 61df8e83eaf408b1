"""Part "soak": what claims, the relay and the metrics cost while ever more jobs have gone through the table."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from app.domain.states import JobType
from app.repositories.sql import Pool, statements
from benchmarks.bare_pool import bare_pool
from benchmarks.environment import Environment
from benchmarks.report import Measurement, at_most, percentile, ratio_at_most
from tests.bank import SLUG

NOTES = (
    "soak: jobs are inserted, claimed and finished. Those of a step that are measured go one by one through the "
    "statements of workers, over eight connections; the others through the same changes of rows by the thousand, so "
    "they leave as many dead rows and index entries behind. With --large, 900,000 are inserted as finished after the "
    "first step. Autovacuum runs as in a deployment. CPU time is that of the connections' processes in Postgres.",
)
# Jobs of each step, how many of these are measured, and how many steps there are.
_JOBS = 10_000
_MEASURED = 5_000
_STEPS = 5
# With --large: jobs that have finished before the second step, and the jobs of the steps from there on.
_PLANTED = 900_000
_JOBS_AFTER = 25_000
_BATCH = 5_000
_CONNECTIONS = 8
_LOOKS = 100
_LIMIT = 1.5
# The others also depend on when Postgres has vacuumed last, at most once a minute.
_HELD = ("claim", "finish")
_LEASE_SECONDS = 600.0
_SQL = statements("jobs")
_INSERT = """
WITH submitted AS (
    INSERT INTO assessments (owner, track_id, expires_at, status, submitted_at, remaining)
    SELECT gen_random_uuid(), t.id, now() + interval '1 day', 'submitted', now(), 2
    FROM tracks t, generate_series(1, $2) WHERE t.slug = $1
    RETURNING id
)
INSERT INTO async_jobs (id, assessment_id, run, job_type, max_attempts, run_after, dispatched_at)
SELECT gen_random_uuid(), id, 1, 'rag', 4, now(), now() FROM submitted
RETURNING id
"""
_PLANT = """
WITH over AS (
    INSERT INTO assessments (owner, track_id, expires_at, status, submitted_at, completed_at, remaining)
    SELECT gen_random_uuid(), t.id, now() + interval '1 day', 'completed', now(), now(), 1
    FROM tracks t, generate_series(1, $2) WHERE t.slug = $1
    RETURNING id
)
INSERT INTO async_jobs (id, assessment_id, run, job_type, max_attempts, run_after, dispatched_at, status, attempts,
                        fence, started_at, completed_at)
SELECT gen_random_uuid(), id, 1, 'rag', 4, now(), now(), 'completed', 1, 1, now(), now() FROM over
"""
_CLAIM_ALL = """
WITH claimed AS (
    UPDATE async_jobs
    SET status = 'in_progress', fence = fence + 1, lease_expires_at = now() + interval '1 hour',
        attempts = attempts + 1, started_at = now(), dispatched_at = now()
    WHERE id = ANY($1::uuid[]) RETURNING assessment_id
)
UPDATE assessments a SET revision = revision + 1 FROM claimed WHERE a.id = claimed.assessment_id
"""
_FINISH_ALL = """
WITH ended AS (
    UPDATE async_jobs SET status = 'completed', completed_at = now(), lease_expires_at = NULL, units_done = units_total
    WHERE id = ANY($1::uuid[]) RETURNING assessment_id
)
UPDATE assessments a SET remaining = remaining - 1, revision = revision + 1
FROM ended WHERE a.id = ended.assessment_id
"""
_COMPLETE = "UPDATE assessments SET status = 'completed', completed_at = now() WHERE status = 'submitted'"
_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
_STATE = """
SELECT n_dead_tup AS dead, autovacuum_count AS vacuumed, pg_relation_size('async_jobs_due_idx') / 1024 AS due_kib,
       100 * n_tup_hot_upd / greatest(n_tup_upd, 1) AS hot,
       (SELECT 100 * n_tup_hot_upd / greatest(n_tup_upd, 1) FROM pg_stat_user_tables WHERE relname = 'assessments')
           AS assessments_hot
FROM pg_stat_user_tables WHERE relname = 'async_jobs'
"""


@dataclass(frozen=True)
class _Figures:
    """Milliseconds of each call, and the mean CPU milliseconds of Postgres for one."""

    times: Sequence[float]
    cpu: float
    note: str = ""


def run(environment: Environment) -> list[Measurement]:
    """For each kind of call a line for each step; the first step is what the others are compared to."""
    steps = asyncio.run(_run_steps(environment.database_url, large=environment.large))
    first = steps[0][1]
    return [_line(name, jobs, figures[name], first[name]) for name in first for jobs, figures in steps]


def _line(name: str, jobs: int, figures: _Figures, first: _Figures) -> Measurement:
    label, limits = f"{name}, after {jobs:,} jobs", {"first step": first.cpu}
    times = f"on the wall: median {percentile(figures.times, 50):.2f}, p95 {percentile(figures.times, 95):.2f} ms"
    note = f"{times}; {figures.note}" if figures.note else times
    if name in _HELD:
        return ratio_at_most("soak", label, "ms", figures.cpu, limits, _LIMIT, note)
    return at_most("soak", label, "ms", figures.cpu, limits, None, note)


async def _run_steps(url: str, *, large: bool) -> list[tuple[int, dict[str, _Figures]]]:
    """The figures of each step, with the number of jobs that were there at its end."""
    async with bare_pool(url, _CONNECTIONS) as pool:
        # Both plans of each statement are known before the first step.
        await _measure(pool, 200)
        steps, jobs, more = [], 0, _JOBS
        for step in range(_STEPS):
            if large and step == 1:
                for _ in range(0, _PLANTED, _BATCH):
                    await pool.execute(_PLANT, SLUG, _BATCH)
                jobs, more = jobs + _PLANTED, _JOBS_AFTER
            for _ in range(0, more - _MEASURED, _BATCH):
                await _go_through(pool, _BATCH)
            jobs += more
            steps.append((jobs, await _measure(pool, _MEASURED)))
        return steps


async def _go_through(pool: Pool, count: int) -> None:
    ids = [row["id"] for row in await pool.fetch(_INSERT, SLUG, count)]
    await pool.execute(_CLAIM_ALL, ids)
    await pool.execute(_FINISH_ALL, ids)
    await pool.execute(_COMPLETE)


async def _measure(pool: Pool, count: int) -> dict[str, _Figures]:
    ids = [row["id"] for row in await pool.fetch(_INSERT, SLUG, count)]
    fences: dict[UUID, int] = {}

    async def claim(job_id: UUID) -> None:
        row = await pool.fetchrow(_SQL["claim"], job_id, _LEASE_SECONDS)
        assert row
        fences[job_id] = row["fence"]

    async def finish(job_id: UUID) -> None:
        assert await pool.fetchrow(_SQL["finish"], job_id, fences[job_id], "completed", None, None, "[]")

    async def relay(_: object) -> None:
        await pool.fetch(_SQL["take_unclaimed"], list(JobType), 2.0, 500)

    async def count_jobs(_: object) -> None:
        await pool.fetch(_SQL["count_by_status"])

    figures = {"claim": await _times(pool, claim, ids), "finish": await _times(pool, finish, ids)}
    await pool.execute(_COMPLETE)
    figures["relay"] = await _times(pool, relay, range(_LOOKS))
    figures["metrics"] = await _times(pool, count_jobs, range(_LOOKS))
    state = await pool.fetchrow(_STATE)
    assert state
    note = (
        f"{state['dead']:,} dead rows, vacuumed {state['vacuumed']} times, index of due jobs {state['due_kib']:,} KiB, "
        f"updates within a page {state['hot']} % (assessments {state['assessments_hot']} %)"
    )
    figures["claim"] = _Figures(figures["claim"].times, figures["claim"].cpu, note)
    return figures


async def _times(pool: Pool, call: Callable[[Any], Awaitable[None]], values: Sequence[Any]) -> _Figures:
    remaining, times = iter(values), list[float]()

    async def work() -> None:
        for value in remaining:
            started = time.perf_counter()
            await call(value)
            times.append(1000 * (time.perf_counter() - started))

    backends = [row["pid"] for row in await pool.fetch(_BACKENDS)]
    before = sum(_cpu_milliseconds(backends))
    await asyncio.gather(*(work() for _ in range(_CONNECTIONS)))
    return _Figures(times, (sum(_cpu_milliseconds(backends)) - before) / len(values))


def _cpu_milliseconds(pids: Sequence[int]) -> Iterator[float]:
    """Of processes with one thread each, in nanoseconds and not in ticks."""
    for pid in pids:
        yield int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6
