"""Part "submit": submissions per second through a real server process, beside Postgres alone and aiohttp alone."""

import json
import statistics

from benchmarks import database_rows
from benchmarks.database_rows import AnsweredAssessment
from benchmarks.environment import CONNECTIONS, Environment
from benchmarks.processes import measure, start_child
from benchmarks.report import Measurement, at_least
from benchmarks.server import MAX_QUEUED, start_server, submit_request

NOTES = (
    "submit: no worker runs, so jobs only queue up; Assay also notifies workers, which the limits do not. "
    "Each figure is the median of three rounds taken in turns.",
)
# By the number of clients: submissions that are measured, and others before them as a warm-up.
_COUNTS = {1: (150, 20), 16: (600, 100), 64: (600, 150)}
_ROUNDS = 3
# Length of the body of a submission's answer for the small track.
_BODY_BYTES = 1869
_SHARE = 0.5
_Figures = dict[str, float]


def run(environment: Environment) -> list[Measurement]:
    """One measurement for each number of clients."""
    submissions = sum(sum(counts) + 1 for counts in _COUNTS.values()) * _ROUNDS
    assessments = environment.run(lambda pool: database_rows.insert_answered(pool, environment.bank, 2 * submissions))
    with start_server(environment) as server, start_child("submissions.submit_aiohttp", body_bytes=_BODY_BYTES) as bare:
        benchmark = _SubmitBenchmark(environment, assessments, server.port, bare.receive())
        return [benchmark.measure(clients) for clients in _COUNTS]


class _SubmitBenchmark:
    """Measures with different numbers of clients, each time with assessments that are not submitted yet."""

    def __init__(
        self, environment: Environment, assessments: list[AnsweredAssessment], port: int, aiohttp_port: int
    ) -> None:
        self._environment = environment
        self._assessments = iter(assessments)
        self._port = port
        self._aiohttp_port = aiohttp_port

    def measure(self, clients: int) -> Measurement:
        """The medians of some rounds with this number of clients."""
        rounds = [self._round(clients) for _ in range(_ROUNDS)]
        postgres, assay, aiohttp = (
            {name: statistics.median(figures[name] for figures in repeated) for name in ("rate", "p50", "p99")}
            for repeated in zip(*rounds, strict=True)
        )
        limits = {"asyncpg alone": postgres["rate"], "aiohttp alone": aiohttp["rate"]}
        note = (
            f"p50 {assay['p50']:.1f} ms, p99 {assay['p99']:.1f} ms "
            f"(asyncpg {postgres['p50']:.1f}, {postgres['p99']:.1f})"
        )
        name = "one client" if clients == 1 else f"{clients} clients"
        return at_least("submit", name, assay["rate"], limits, _SHARE, note)

    def _round(self, clients: int) -> tuple[_Figures, _Figures, _Figures]:
        """Figures of asyncpg alone, of Assay, and of aiohttp alone."""
        measured, warmup = _COUNTS[clients]
        assessments = [next(self._assessments) for _ in range(measured + warmup + 1)]
        self._environment.run(database_rows.complete_submitted)
        postgres: _Figures = measure(
            "submissions.submit_postgres", dsn=self._environment.database_url, tasks=clients, warmup=warmup,
            connections=CONNECTIONS, max_queued=MAX_QUEUED,
            assessments=[(str(assessment.assessment_id), assessment.owner) for assessment in assessments],
        )  # fmt: skip
        self._environment.run(database_rows.complete_submitted)
        file = self._write_requests(measured + warmup)
        assay: _Figures = measure(
            "submissions.submit_client", port=self._port, requests=file, clients=clients, warmup=warmup
        )
        aiohttp: _Figures = measure(
            "submissions.submit_client", port=self._aiohttp_port, requests=file, clients=clients, warmup=warmup
        )
        return postgres, assay, aiohttp

    def _write_requests(self, count: int) -> str:
        file = self._environment.folder / "requests.json"
        file.write_text(json.dumps([submit_request(next(self._assessments)) for _ in range(count)]))
        return str(file)
