"""Part "processes": submissions and polls of a server with two processes, beside one with a single process."""

from collections.abc import Callable
from itertools import cycle, islice

from benchmarks import database_rows
from benchmarks.environment import Environment
from benchmarks.reference.in_turns import ROUNDS, Figures, medians, send
from benchmarks.report import Measurement, at_least, at_most
from benchmarks.server import Server, start_server, status_request, submit_request

NOTES = (
    "processes: 64 clients, each with one connection; no worker runs. The client and Postgres need cores of their own: "
    "with two cores in all, a second process has little to gain. CPU time is that of all processes of the server; a "
    "process that does half of the work shows what two cores for the server would carry. Each figure is the median of "
    "three rounds taken in turns.",
)
_PROCESSES = 2
_CLIENTS = 64
_SUBMISSIONS, _POLLS, _WARMUP = 600, 3000, 150
_POLLED = 200


def run(environment: Environment) -> list[Measurement]:
    """Rates and CPU time of submissions and of polls."""
    count = (_SUBMISSIONS + _WARMUP) * ROUNDS * 2
    rows = environment.run(lambda pool: database_rows.insert_answered(pool, environment.bank, count + _POLLED))
    unsubmitted, polled = iter(rows[_POLLED:]), [status_request(row, None) for row in rows[:_POLLED]]

    def submissions(server: Server) -> Figures:
        environment.run(database_rows.complete_submitted)
        requests = [submit_request(next(unsubmitted)) for _ in range(_SUBMISSIONS + _WARMUP)]
        return send(environment, server, requests, clients=_CLIENTS, warmup=_WARMUP, status=202)

    def polls(server: Server) -> Figures:
        requests = list(islice(cycle(polled), _POLLS + _WARMUP))
        return send(environment, server, requests, clients=_CLIENTS, warmup=_WARMUP, status=200)

    with start_server(environment) as one, start_server(environment, _PROCESSES) as several:
        return [*_compare("submissions", submissions, one, several), *_compare("polls", polls, one, several)]


def _compare(name: str, take: Callable[[Server], Figures], one: Server, several: Server) -> list[Measurement]:
    rounds = [(take(one), take(several)) for _ in range(ROUNDS)]
    single, shared = (medians(list(figures)) for figures in zip(*rounds, strict=True))
    note = f"p50 {shared['p50']:.1f} ms, p99 {shared['p99']:.1f} ms (one {single['p50']:.1f}, {single['p99']:.1f})"
    share = f"the busier process had {shared['busiest']:.0%} of it"
    cpu = {"one process": single["cpu"]}
    return [
        at_least("processes", f"{name}, two processes", shared["rate"], {"one process": single["rate"]}, None, note),
        at_most("processes", f"{name}: CPU time of the server", "ms", shared["cpu"], cpu, None, share),
    ]
