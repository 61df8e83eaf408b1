"""Part "pipeline": the time that Assay itself adds to an assessment, with a model that answers at once."""

import statistics
from collections.abc import Sequence

from app.repositories.sql import Pool
from benchmarks import database_rows
from benchmarks.database_rows import AnsweredAssessment
from benchmarks.environment import Environment
from benchmarks.http_client import send_requests
from benchmarks.processes import start_child, start_service, wait_for
from benchmarks.report import Measurement, at_most
from benchmarks.server import Server, start_server, submit_request

NOTES = (
    "pipeline: from `submitted_at` to the end of the last job, by the rows; the server, one worker and the fake model "
    "are processes of their own; each of the two essays is one call of the model.",
)
_SINGLE = 20
_AT_ONCE = 50
_CLIENTS = 16
_WARMUP = 5
_MAX_MS = 100.0
# By the end of the last job: an assessment's own `completed_at` is the start of the transaction that completes it.
_TIMES = """
SELECT extract(epoch FROM j.completed_at - a.submitted_at)::float8 * 1000 AS own,
       extract(epoch FROM j.completed_at - min(a.submitted_at) OVER ())::float8 * 1000 AS since_first
FROM assessments a JOIN async_jobs j ON j.assessment_id = a.id AND j.job_type = 'fusion'
WHERE a.id = ANY($1) AND a.status = 'completed'
"""


def run(environment: Environment) -> list[Measurement]:
    """Two measurements: assessments one after the other, then many at once."""
    count = _WARMUP + _SINGLE + _AT_ONCE
    assessments = environment.run(lambda pool: database_rows.insert_answered(pool, environment.bank, count))
    with start_child("essays.model_provider") as model, start_server(environment) as server:
        settings = {
            "DATABASE_URL": environment.database_url, "REDIS_URL": environment.redis_url,
            "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": model.receive(),
        }  # fmt: skip
        with start_service("worker", environment.folder / "worker.log", "worker_started", settings):
            single = [
                _complete(environment, server, [assessment])[0]["own"]
                for assessment in assessments[: _WARMUP + _SINGLE]
            ][_WARMUP:]
            last = max(times["since_first"] for times in _complete(environment, server, assessments[-_AT_ONCE:]))
    note = f"slowest {max(single):.0f} ms"
    median = statistics.median(single)
    return [
        at_most("pipeline", f"one at a time, median of {_SINGLE}", "ms", median, {}, _MAX_MS, note),
        at_most("pipeline", f"{_AT_ONCE} at once, until the last is final", "ms", last, {}, None),
    ]


def _complete(
    environment: Environment, server: Server, assessments: Sequence[AnsweredAssessment]
) -> list[dict[str, float]]:
    """Submits the assessments and waits until all have a result; returns the times of each in milliseconds."""
    requests = [submit_request(assessment) for assessment in assessments]
    send_requests(server.port, requests, min(_CLIENTS, len(assessments)))

    async def read_times(pool: Pool) -> list[dict[str, float]]:
        rows = await pool.fetch(_TIMES, [assessment.assessment_id for assessment in assessments])
        return [dict(row) for row in rows]

    wait_for(lambda: len(environment.run(read_times)) == len(assessments), server.process, "the results")
    return environment.run(read_times)
