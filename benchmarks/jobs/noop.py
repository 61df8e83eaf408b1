"""Part "noop": how many jobs that do nothing one worker process completes in a second."""

import statistics
from collections.abc import Callable
from uuid import UUID

from benchmarks import database_rows
from benchmarks.environment import CONNECTIONS, Environment
from benchmarks.processes import measure
from benchmarks.report import Measurement, at_least

NOTES = (
    "noop: stock arq is tuned: uvloop, JSON, a poll every 0.02 s, 100 jobs at once, no kept results. Assay has as many "
    "slots. Postgres alone is the same claim and finish from as many tasks over as many connections, without messages.",
)
_MESSAGES = 5_000
_JOBS = 1_200
_SLOTS = 100
# How many messages stock arq reads from its queue at once; more makes it no faster.
_READ_LIMIT = 500
_ROUNDS = 3
_SHARE_OF_ARQ = 1.0
_SHARE_OF_POSTGRES = 0.5


def run(environment: Environment) -> list[Measurement]:
    """Messages alone, then whole jobs; the medians of rounds taken in turns."""
    measured: dict[str, Callable[[], float]] = {
        "arq": lambda: _message_rate(environment, "arq", read_limit=_READ_LIMIT),
        "messages": lambda: _message_rate(environment, "messages"),
        "postgres": lambda: _job_rate(environment, "jobs.noop_postgres"),
        "jobs": lambda: _job_rate(environment, "jobs.noop_worker", mode="jobs", redis_url=environment.redis_url),
    }
    rounds = [{name: measure_rate() for name, measure_rate in measured.items()} for _ in range(_ROUNDS)]
    rates = {name: statistics.median(rates[name] for rates in rounds) for name in measured}
    return [
        at_least("noop", "messages alone", rates["messages"], {"stock arq": rates["arq"]}, _SHARE_OF_ARQ),
        at_least(
            "noop", "claim, finish", rates["jobs"], {"Postgres alone": rates["postgres"]}, _SHARE_OF_POSTGRES,
            "from the message to the commit that completes the job",
        ),
    ]  # fmt: skip


def _message_rate(environment: Environment, mode: str, **arguments: int) -> float:
    rate: float = measure(
        "jobs.noop_worker", mode=mode, redis_url=environment.redis_url, count=_MESSAGES, slots=_SLOTS, **arguments
    )
    return rate


def _job_rate(environment: Environment, module: str, **arguments: str) -> float:
    environment.run(database_rows.complete_submitted)
    job_ids: list[UUID] = environment.run(lambda pool: database_rows.insert_queued_jobs(pool, _JOBS))
    rate: float = measure(
        module, dsn=environment.database_url, job_ids=[str(job_id) for job_id in job_ids],
        slots=_SLOTS, connections=CONNECTIONS, **arguments,
    )  # fmt: skip
    return rate
