"""Essays in one worker process beside the same calls through the SDK alone."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.job.notification import JobNotification
from app.repositories import questions
from app.repositories.sql import Pool
from app.wiring.context import open_pool
from benchmarks import database_rows
from benchmarks.database_rows import Answered
from benchmarks.environment import Ground
from benchmarks.processes import child, cpu_seconds, measure, memory_bytes, service, wait_for
from benchmarks.report import Line, at_most, ratio_at_most
from benchmarks.server import serving, submission
from benchmarks.submissions.submit_client import send
from tests.bank import SLUG, essay

NOTES = (
    "essays: the fake model answers after one second. In flight: from the commit that makes the jobs due to the last "
    "stored score; the same prompts through the bare SDK, in a process of its own. At once: from the first submission "
    "to the end of the last job, recommendations included.",
)
_SECONDS = 1.0
_WARM, _IN_FLIGHT, _AT_ONCE = 2, 67, 50
_ESSAYS = 3
_MOST_RATIO = 1.15
_MOST_SECONDS = 3.0
_HOLD = "UPDATE async_jobs SET run_after = 'infinity' WHERE assessment_id = ANY($1) AND job_type <> 'fusion'"
_DUE = """
UPDATE async_jobs SET run_after = now(), dispatched_at = now()
WHERE assessment_id = ANY($1) AND job_type = 'gpt' RETURNING id, fence, run_after
"""
_SCORED = "SELECT max(completed_at) FROM async_jobs WHERE assessment_id = ANY($1) AND job_type = $2"
_LEFT = """
SELECT count(*) FROM async_jobs
WHERE assessment_id = ANY($1) AND job_type = $2 AND status NOT IN ('completed', 'failed')
"""
_FIRST = "SELECT min(submitted_at) FROM assessments WHERE id = ANY($1)"


def run(ground: Ground) -> list[Line]:
    """Two hundred in flight, and fifty assessments at once."""
    third = ground.run(_third_essay)
    ready = ground.run(lambda pool: database_rows.answered(pool, ground.bank, _WARM + _IN_FLIGHT + _AT_ONCE, [third]))
    warm, in_flight, at_once = ready[:_WARM], ready[_WARM : _WARM + _IN_FLIGHT], ready[-_AT_ONCE:]
    with child("essays.model_provider", seconds=_SECONDS) as model, serving(ground) as server:
        url = model.says()

        def submit(assessments: Sequence[Answered]) -> list[UUID]:
            send(server.port, [submission(each) for each in assessments], min(16, len(assessments)))
            return [each.assessment_id for each in assessments]

        held = submit(in_flight)
        ground.run(lambda pool: pool.execute(_HOLD, held))
        settings = {
            "DATABASE_URL": ground.database_url, "REDIS_URL": ground.redis_url,
            "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": url,
        }  # fmt: skip
        with service("worker", ground.folder / "worker.log", "worker_started", settings) as worker:
            warmed = submit(warm)
            wait_for(lambda: not ground.run(lambda pool: pool.fetchval(_LEFT, warmed, "fusion")), worker, "the first")
            used = cpu_seconds(worker.pid)
            began = asyncio.run(_ring(ground, held))
            wait_for(lambda: not ground.run(lambda pool: pool.fetchval(_LEFT, held, "gpt")), worker, "the scores")
            used, memory = cpu_seconds(worker.pid) - used, memory_bytes(worker.pid)
            ours = (ground.run(lambda pool: pool.fetchval(_SCORED, held, "gpt")) - began).total_seconds()
            submitted = submit(at_once)
            wait_for(lambda: not ground.run(lambda pool: pool.fetchval(_LEFT, submitted, "fusion")), worker, "the rest")
            whole = ground.run(lambda pool: _taken(pool, submitted))
        bare = measure("essays.essays_sdk", url=url, count=_IN_FLIGHT * _ESSAYS)
    count = _IN_FLIGHT * _ESSAYS
    note = f"{1000 * used / count:.1f} ms of CPU for each, {memory / 1e6:.0f} MB at the end"
    return [
        ratio_at_most("essays", f"{count} in flight", "s", ours, {"bare SDK": bare}, _MOST_RATIO, note),
        at_most("essays", f"{_AT_ONCE} assessments of {_ESSAYS} at once, all final", "s", whole, {}, _MOST_SECONDS),
    ]


async def _third_essay(pool: Pool) -> UUID:
    new_id = uuid4()
    track_id = await pool.fetchval("SELECT id FROM tracks WHERE slug = $1", SLUG)
    await questions.create(pool, new_id, track_id, essay(weight=3.0))
    return new_id


async def _ring(ground: Ground, assessment_ids: list[UUID]) -> datetime:
    """Makes the essay jobs due and rings for them; the time of the commit."""
    async with open_pool(ground.database_url, "assay bench", 1) as pool:
        rows = await pool.fetch(_DUE, assessment_ids)
    bell = JobQueue(job_queue.connect(ground.redis_url))
    await bell.notify([JobNotification(row["id"], "gpt", row["fence"]) for row in rows])
    await bell.redis.aclose()
    began: datetime = rows[0]["run_after"]
    return began


async def _taken(pool: Pool, assessment_ids: list[UUID]) -> float:
    ended = await pool.fetchval(_SCORED, assessment_ids, "fusion")
    began = await pool.fetchval(_FIRST, assessment_ids)
    return float((ended - began).total_seconds())
