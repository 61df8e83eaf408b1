"""Whole assessments through server, worker and a model that answers at once: what our own machinery adds."""

import statistics
from collections.abc import Sequence

from app.repositories.sql import Pool
from benchmarks import database_rows
from benchmarks.database_rows import Answered
from benchmarks.environment import Ground
from benchmarks.processes import child, service, wait_for
from benchmarks.report import Line, at_most
from benchmarks.server import Server, serving, submission
from benchmarks.submissions.submit_client import send

NOTES = (
    "pipeline: from `submitted_at` to the end of the last job, by the rows; the server, one worker and the fake model "
    "are processes of their own; each of the two essays is one call of the model.",
)
_ALONE = 20
_TOGETHER = 50
_CLIENTS = 16
_WARM = 5
_MOST_MS = 100.0
# By the end of the last job and not by the assessment's: that is stamped with the time of the final read.
_TAKEN = """
SELECT extract(epoch FROM j.completed_at - a.submitted_at)::float8 * 1000 AS alone,
       extract(epoch FROM j.completed_at - min(a.submitted_at) OVER ())::float8 * 1000 AS together
FROM assessments a JOIN async_jobs j ON j.assessment_id = a.id AND j.job_type = 'fusion'
WHERE a.id = ANY($1) AND a.status = 'completed'
"""


def run(ground: Ground) -> list[Line]:
    """One after the other, then many at once."""
    ready = ground.run(lambda pool: database_rows.answered(pool, ground.bank, _WARM + _ALONE + _TOGETHER))
    warm, alone, together = ready[:_WARM], ready[_WARM : _WARM + _ALONE], ready[-_TOGETHER:]
    with child("essays.model_provider") as model, serving(ground) as server:
        settings = {
            "DATABASE_URL": ground.database_url, "REDIS_URL": ground.redis_url,
            "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": model.says(),
        }  # fmt: skip
        with service("worker", ground.folder / "worker.log", "worker_started", settings):
            for each in warm:
                _through(ground, server, [each])
            taken = [_through(ground, server, [each])[0]["alone"] for each in alone]
            burst = max(each["together"] for each in _through(ground, server, together))
    note = f"slowest {max(taken):.0f} ms"
    return [
        at_most("pipeline", f"one at a time, median of {_ALONE}", "ms", statistics.median(taken), {}, _MOST_MS, note),
        at_most("pipeline", f"{_TOGETHER} at once, until the last is final", "ms", burst, {}, None),
    ]


def _through(ground: Ground, server: Server, assessments: Sequence[Answered]) -> list[dict[str, float]]:
    """Submits these and waits until all are final; milliseconds of each."""
    send(server.port, [submission(each) for each in assessments], min(_CLIENTS, len(assessments)))

    async def taken(pool: Pool) -> list[dict[str, float]]:
        rows = await pool.fetch(_TAKEN, [each.assessment_id for each in assessments])
        return [dict(row) for row in rows]

    wait_for(lambda: len(ground.run(taken)) == len(assessments), server.process, "the results")
    return ground.run(taken)
