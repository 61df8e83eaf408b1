"""Part "idle": the CPU time of a worker process that has nothing to do."""

import time
from contextlib import ExitStack

from benchmarks import database_rows
from benchmarks.environment import Environment
from benchmarks.jobs import stock_arq
from benchmarks.processes import cpu_seconds, start_child, start_service, wait_for
from benchmarks.report import Measurement, at_most

NOTES = (
    "idle: `assay worker` as deployed, with its relay, heartbeat and periodic maintenance, and two stock arq workers, "
    "side by side for 10 s, in percent of a core.",
)
_SECONDS = 10.0
# Until modules that are imported late are loaded, and connections are open.
_SETTLE_SECONDS = 3.0
_MAX_PERCENT = 2.0
_ARQ_DEFAULT_POLL = 0.5


def run(environment: Environment) -> list[Measurement]:
    """One measurement: percent of a core."""
    settings = {"DATABASE_URL": environment.database_url, "REDIS_URL": environment.redis_url}
    log = environment.folder / "worker.log"
    with ExitStack() as stack:
        worker = stack.enter_context(start_service("worker", log, "worker_started", settings))
        pids = {"assay": worker.pid}
        for poll in (stock_arq.FAST_POLL, _ARQ_DEFAULT_POLL):
            child = start_child("jobs.idle_arq_worker", redis_url=environment.redis_url, poll_delay=poll)
            arq_worker = stack.enter_context(child)
            arq_worker.receive()
            pids[f"stock arq, poll {poll:g} s"] = arq_worker.process.pid
        wait_for(lambda: environment.run(database_rows.all_passages_embedded), worker, "the vectors of all passages")
        time.sleep(_SETTLE_SECONDS)
        percent = _cpu_percent(pids)
    return [at_most("idle", "worker", "% of a core", percent.pop("assay"), percent, _MAX_PERCENT)]


def _cpu_percent(pids: dict[str, int]) -> dict[str, float]:
    before, started = {name: cpu_seconds(pid) for name, pid in pids.items()}, time.monotonic()
    time.sleep(_SECONDS)
    seconds = time.monotonic() - started
    return {name: 100 * (cpu_seconds(pid) - before[name]) / seconds for name, pid in pids.items()}
