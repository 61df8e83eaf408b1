"""What a worker process costs while it has nothing to do."""

import time
from contextlib import ExitStack

from benchmarks import database_rows
from benchmarks.environment import Ground
from benchmarks.jobs import stock_arq
from benchmarks.processes import child, cpu_seconds, service, wait_for
from benchmarks.report import Line, at_most

NOTES = (
    "idle: `assay worker` as deployed (with its relay, its heartbeat and its looks for passages and old keys) and two "
    "stock arq workers, side by side for 10 s, in percent of a core.",
)
_SECONDS = 10.0
# Until modules that are loaded late, and connections, are there.
_SETTLE_SECONDS = 3.0
_MOST_PERCENT = 2.0
_ARQ_POLL = 0.5


def run(ground: Ground) -> list[Line]:
    """One line."""
    settings = {"DATABASE_URL": ground.database_url, "REDIS_URL": ground.redis_url}
    with ExitStack() as stack:
        worker = stack.enter_context(service("worker", ground.folder / "worker.log", "worker_started", settings))
        pids = {"ours": worker.pid}
        for poll in (stock_arq.TUNED_POLL, _ARQ_POLL):
            idle = stack.enter_context(child("jobs.idle_arq_worker", redis_url=ground.redis_url, poll_delay=poll))
            idle.says()
            pids[f"stock arq, poll {poll:g} s"] = idle.process.pid
        wait_for(lambda: ground.run(database_rows.embedded), worker, "the passages' vectors")
        time.sleep(_SETTLE_SECONDS)
        percent = _percent(pids)
    return [at_most("idle", "worker", "% of a core", percent.pop("ours"), percent, _MOST_PERCENT)]


def _percent(pids: dict[str, int]) -> dict[str, float]:
    before, started = {name: cpu_seconds(pid) for name, pid in pids.items()}, time.monotonic()
    time.sleep(_SECONDS)
    seconds = time.monotonic() - started
    return {name: 100 * (cpu_seconds(pid) - before[name]) / seconds for name, pid in pids.items()}
