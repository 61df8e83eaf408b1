"""Jobs that do nothing: how many a second one worker process gets through."""

import statistics
from collections.abc import Callable
from uuid import UUID

from benchmarks import database_rows
from benchmarks.environment import CONNECTIONS, Ground
from benchmarks.processes import measure
from benchmarks.report import Line, at_least

NOTES = (
    "noop: stock arq is tuned: uvloop, JSON, a poll every 0.02 s, 100 jobs at once, no kept results. Ours has as many "
    "slots. Postgres alone is the same claim and finish from as many tasks over as many connections, without messages.",
)
_MESSAGES = 5_000
_JOBS = 1_200
_SLOTS = 100
# Of stock arq's reads of its queue; more makes it no faster.
_READ_LIMIT = 500
_ROUNDS = 3
_SHARE_OF_STOCK = 1.0
_SHARE_OF_POSTGRES = 0.5


def run(ground: Ground) -> list[Line]:
    """Messages alone, then whole jobs."""
    figures: dict[str, Callable[[], float]] = {
        "stock": lambda: _messages(ground, "stock", read_limit=_READ_LIMIT),
        "layer": lambda: _messages(ground, "layer"),
        "floor": lambda: _jobs(ground, "jobs.noop_postgres"),
        "pipeline": lambda: _jobs(ground, "jobs.noop_worker", mode="pipeline", redis_url=ground.redis_url),
    }
    rounds = [{name: take() for name, take in figures.items()} for _ in range(_ROUNDS)]
    found = {name: statistics.median(each[name] for each in rounds) for name in figures}
    stock = {"stock arq": found["stock"]}
    return [
        at_least("noop", "messages alone", found["layer"], stock, _SHARE_OF_STOCK),
        at_least(
            "noop", "claim, finish", found["pipeline"], {"Postgres alone": found["floor"]}, _SHARE_OF_POSTGRES,
            "a job's whole way, with its end in Postgres",
        ),
    ]  # fmt: skip


def _messages(ground: Ground, mode: str, **told: int) -> float:
    rate: float = measure(
        "jobs.noop_worker", mode=mode, redis_url=ground.redis_url, count=_MESSAGES, slots=_SLOTS, **told
    )
    return rate


def _jobs(ground: Ground, module: str, **told: str) -> float:
    ground.run(database_rows.finish_submitted)
    ready: list[UUID] = ground.run(lambda pool: database_rows.queued(pool, _JOBS))
    rate: float = measure(
        module, dsn=ground.database_url, job_ids=[str(job_id) for job_id in ready],
        slots=_SLOTS, connections=CONNECTIONS, **told,
    )  # fmt: skip
    return rate
