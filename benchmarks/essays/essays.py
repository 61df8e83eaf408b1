"""Part "essays": the time until essays are scored by one worker process, beside the same calls by the SDK alone."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from subprocess import Popen
from typing import Any
from uuid import UUID, uuid4

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.job.notification import JobNotification
from app.repositories import questions
from app.repositories.sql import Pool
from app.wiring.pool import open_pool
from benchmarks import database_rows
from benchmarks.database_rows import AnsweredAssessment
from benchmarks.environment import Environment
from benchmarks.http_client import send_requests
from benchmarks.processes import cpu_seconds, measure, memory_bytes, start_child, start_service, wait_for
from benchmarks.report import Measurement, at_most, ratio_at_most
from benchmarks.server import Server, start_server, submit_request
from tests.bank import SLUG, essay

NOTES = (
    "essays: the fake model answers after one second. In flight: from the commit that makes the jobs due to the last "
    "stored score; the same prompts through the bare SDK, in a process of its own. At once: from the first submission "
    "to the end of the last job, recommendations included.",
)
_MODEL_SECONDS = 1.0
# Assessments.
_WARMUP, _IN_FLIGHT, _AT_ONCE = 2, 67, 50
_ESSAYS = 3
_CLIENTS = 16
_MAX_RATIO = 1.15
_MAX_SECONDS = 3.0
_HOLD_JOBS = "UPDATE async_jobs SET run_after = 'infinity' WHERE assessment_id = ANY($1) AND job_type <> 'fusion'"
_MAKE_DUE = """
UPDATE async_jobs SET run_after = now(), dispatched_at = now()
WHERE assessment_id = ANY($1) AND job_type = 'gpt' RETURNING id, fence, run_after
"""
_LAST_END = "SELECT max(completed_at) FROM async_jobs WHERE assessment_id = ANY($1) AND job_type = $2"
_UNFINISHED = """
SELECT count(*) FROM async_jobs
WHERE assessment_id = ANY($1) AND job_type = $2 AND status NOT IN ('completed', 'failed')
"""
_FIRST_SUBMISSION = "SELECT min(submitted_at) FROM assessments WHERE id = ANY($1)"


def run(environment: Environment) -> list[Measurement]:
    """Two measurements: two hundred essays in flight, and fifty assessments submitted at once."""
    third = environment.run(_insert_third_essay)
    count = _WARMUP + _IN_FLIGHT + _AT_ONCE
    assessments = environment.run(lambda pool: database_rows.insert_answered(pool, environment.bank, count, [third]))
    with start_child("essays.model_provider", seconds=_MODEL_SECONDS) as model, start_server(environment) as server:
        url = model.receive()
        held = _submit(server, assessments[_WARMUP : _WARMUP + _IN_FLIGHT])
        environment.run(lambda pool: pool.execute(_HOLD_JOBS, held))
        settings = {
            "DATABASE_URL": environment.database_url, "REDIS_URL": environment.redis_url,
            "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": url,
        }  # fmt: skip
        with start_service("worker", environment.folder / "worker.log", "worker_started", settings) as worker:
            _wait_for_jobs(environment, worker, _submit(server, assessments[:_WARMUP]), "fusion")
            cpu_before = cpu_seconds(worker.pid)
            started = asyncio.run(_make_due(environment, held))
            _wait_for_jobs(environment, worker, held, "gpt")
            cpu, memory = cpu_seconds(worker.pid) - cpu_before, memory_bytes(worker.pid)
            scored = environment.run(lambda pool: pool.fetchval(_LAST_END, held, "gpt"))
            submitted = _submit(server, assessments[-_AT_ONCE:])
            _wait_for_jobs(environment, worker, submitted, "fusion")
            completion = environment.run(lambda pool: _seconds_to_completion(pool, submitted))
        essays = _IN_FLIGHT * _ESSAYS
        sdk = measure("essays.essays_sdk", url=url, count=essays)
    note = f"{1000 * cpu / essays:.1f} ms of CPU for each, {memory / 1e6:.0f} MB at the end"
    scoring = (scored - started).total_seconds()
    name = f"{_AT_ONCE} assessments of {_ESSAYS} at once, all final"
    return [
        ratio_at_most("essays", f"{essays} in flight", "s", scoring, {"bare SDK": sdk}, _MAX_RATIO, note),
        at_most("essays", name, "s", completion, {}, _MAX_SECONDS),
    ]


def _submit(server: Server, assessments: Sequence[AnsweredAssessment]) -> list[UUID]:
    requests = [submit_request(assessment) for assessment in assessments]
    send_requests(server.port, requests, min(_CLIENTS, len(assessments)))
    return [assessment.assessment_id for assessment in assessments]


def _wait_for_jobs(environment: Environment, worker: "Popen[Any]", assessment_ids: list[UUID], job_type: str) -> None:
    def finished() -> bool:
        return not environment.run(lambda pool: pool.fetchval(_UNFINISHED, assessment_ids, job_type))

    wait_for(finished, worker, f"jobs of type {job_type}")


async def _insert_third_essay(pool: Pool) -> UUID:
    question_id = uuid4()
    track_id = await pool.fetchval("SELECT id FROM tracks WHERE slug = $1", SLUG)
    await questions.create(pool, question_id, track_id, essay(weight=3.0))
    return question_id


async def _make_due(environment: Environment, assessment_ids: list[UUID]) -> datetime:
    """Makes the essay jobs due and notifies workers; returns the time of the commit."""
    async with open_pool(environment.database_url, "assay bench", 1) as pool:
        rows = await pool.fetch(_MAKE_DUE, assessment_ids)
    queue = JobQueue(job_queue.connect(environment.redis_url))
    await queue.notify([JobNotification(row["id"], "gpt", row["fence"]) for row in rows])
    await queue.redis.aclose()
    started: datetime = rows[0]["run_after"]
    return started


async def _seconds_to_completion(pool: Pool, assessment_ids: list[UUID]) -> float:
    ended = await pool.fetchval(_LAST_END, assessment_ids, "fusion")
    started = await pool.fetchval(_FIRST_SUBMISSION, assessment_ids)
    return float((ended - started).total_seconds())
