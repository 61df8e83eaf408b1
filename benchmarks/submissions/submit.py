"""Submissions a second through a real server process, against Postgres alone and aiohttp alone."""

import json
import statistics

from benchmarks import database_rows
from benchmarks.database_rows import Answered
from benchmarks.environment import CONNECTIONS, Ground
from benchmarks.processes import child, measure
from benchmarks.report import Line, at_least
from benchmarks.server import MOST_WAITING, serving, submission

NOTES = (
    "submit: no worker runs, so jobs only queue up; the doorbell is part of ours, not of the limits. "
    "Each figure is the median of three rounds taken in turns.",
)
# Submissions that count and that only warm up, by clients; and rounds.
_COUNTS = {1: (150, 20), 16: (600, 100), 64: (600, 150)}
_ROUNDS = 3
# Of a submission's answer for the small track, with its headers left out.
_BODY_BYTES = 1869
_SHARE = 0.5
_Measured = dict[str, float]


def run(ground: Ground) -> list[Line]:
    """One line for each number of clients."""
    submissions = sum(sum(counts) + 1 for counts in _COUNTS.values()) * _ROUNDS
    ready = ground.run(lambda pool: database_rows.answered(pool, ground.bank, 2 * submissions))
    with serving(ground) as server, child("submissions.submit_aiohttp", body_bytes=_BODY_BYTES) as bare:
        bench = _Bench(ground, ready, server.port, bare.says())
        return [bench.line(clients) for clients in _COUNTS]


class _Bench:
    """Takes the assessments one after the other."""

    def __init__(self, ground: Ground, ready: list[Answered], port: int, bare_port: int) -> None:
        self._ground = ground
        self._ready = iter(ready)
        self._port = port
        self._bare_port = bare_port

    def line(self, clients: int) -> Line:
        """The rounds of one number of clients."""
        rounds = [self._round(clients) for _ in range(_ROUNDS)]
        ours, floor, bare = (
            {name: statistics.median(each[position][name] for each in rounds) for name in ("rate", "p50", "p99")}
            for position in range(3)
        )
        limits = {"asyncpg alone": floor["rate"], "aiohttp alone": bare["rate"]}
        note = f"p50 {ours['p50']:.1f} ms, p99 {ours['p99']:.1f} ms (asyncpg {floor['p50']:.1f}, {floor['p99']:.1f})"
        return at_least("submit", _named(clients), ours["rate"], limits, _SHARE, note)

    def _round(self, clients: int) -> tuple[_Measured, _Measured, _Measured]:
        counted, warm = _COUNTS[clients]
        taken = [next(self._ready) for _ in range(counted + warm + 1)]
        self._ground.run(database_rows.finish_submitted)
        floor: _Measured = measure(
            "submissions.submit_postgres", dsn=self._ground.database_url, tasks=clients, warm=warm,
            connections=CONNECTIONS, assessments=[(str(each.assessment_id), each.owner) for each in taken],
            most_waiting=MOST_WAITING,
        )  # fmt: skip
        self._ground.run(database_rows.finish_submitted)
        file = self._requests(counted + warm)
        ours: _Measured = measure(
            "submissions.submit_client", port=self._port, requests=file, clients=clients, warm=warm
        )
        bare: _Measured = measure(
            "submissions.submit_client", port=self._bare_port, requests=file, clients=clients, warm=warm
        )
        return ours, floor, bare

    def _requests(self, count: int) -> str:
        file = self._ground.folder / "requests.json"
        file.write_text(json.dumps([submission(next(self._ready)) for _ in range(count)]))
        return str(file)


def _named(clients: int) -> str:
    return "one client" if clients == 1 else f"{clients} clients"
