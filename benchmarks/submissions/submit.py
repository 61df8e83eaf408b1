"""Part "submit": submissions per second through a real server process, beside a bare service that does the same, and
beside Postgres alone and aiohttp alone."""

from benchmarks import database_rows
from benchmarks.database_rows import AnsweredAssessment
from benchmarks.environment import CONNECTIONS, Environment
from benchmarks.processes import ChildProcess, measure, start_child
from benchmarks.reference.in_turns import ROUNDS, Figures, Pair, medians, rate_and_cpu, start_pair
from benchmarks.report import Measurement, at_least
from benchmarks.server import MAX_QUEUED, Server, submit_request

NOTES = (
    "submit: no worker runs, so jobs only queue up; Assay also notifies workers, which the others do not. "
    "The reference is a process of aiohttp and asyncpg that verifies the token and executes the same statements; "
    "asyncpg alone has its arguments prepared and pays for no HTTP. Each figure is the median of three rounds taken in "
    "turns.",
)
# By the number of clients: submissions that are measured, and others before them as a warm-up.
_COUNTS = {1: (150, 20), 16: (600, 100), 64: (600, 150)}
# Length of the body of a submission's answer for the small track.
_BODY_BYTES = 1869
_SHARE, _MAX_CPU = 0.8, 1.6
# Of asyncpg alone, by the number of clients.
_SHARES_OF_ASYNCPG = {1: None, 16: 0.5, 64: 0.5}


def run(environment: Environment) -> list[Measurement]:
    """Measurements for each number of clients."""
    # For four servers, and one for asyncpg to learn from.
    submissions = sum(4 * sum(counts) + 1 for counts in _COUNTS.values())
    first, *others = environment.run(
        lambda pool: database_rows.insert_answered(pool, environment.bank, submissions * ROUNDS + 1)
    )
    with (
        start_pair(environment, first) as pair,
        start_child("submissions.submit_aiohttp", body_bytes=_BODY_BYTES) as child,
    ):
        benchmark = _SubmitBenchmark(pair, others, child)
        return [measurement for clients in _COUNTS for measurement in benchmark.measure(clients)]


class _SubmitBenchmark:
    """Measures with different numbers of clients, each time with assessments that are not submitted yet."""

    def __init__(self, pair: Pair, assessments: list[AnsweredAssessment], aiohttp: ChildProcess) -> None:
        self._pair = pair
        self._assessments = iter(assessments)
        self._aiohttp = Server(aiohttp.process, aiohttp.receive())

    def measure(self, clients: int) -> list[Measurement]:
        """The medians of some rounds with this number of clients."""
        rounds = [self._round(clients) for _ in range(ROUNDS)]
        postgres, assay, reference, aiohttp = (medians(list(repeated)) for repeated in zip(*rounds, strict=True))
        name = "one client" if clients == 1 else f"{clients} clients"
        limits = {"asyncpg alone": postgres["rate"], "aiohttp alone": aiohttp["rate"]}
        return [
            *rate_and_cpu("submit", name, assay, reference, _SHARE, _MAX_CPU),
            at_least("submit", f"{name}, beside its parts", assay["rate"], limits, _SHARES_OF_ASYNCPG[clients]),
        ]

    def _round(self, clients: int) -> tuple[Figures, ...]:
        """Figures of asyncpg alone, of Assay, of the reference, and of aiohttp alone."""
        measured, warmup = _COUNTS[clients]
        environment = self._pair.environment
        environment.run(database_rows.complete_submitted)
        postgres: Figures = measure(
            "submissions.submit_postgres", dsn=environment.database_url, tasks=clients, warmup=warmup,
            connections=CONNECTIONS, max_queued=MAX_QUEUED,
            assessments=[(str(a.assessment_id), a.owner) for a in self._take(measured + warmup + 1)],
        )  # fmt: skip
        return postgres, *(
            self._send(server, clients) for server in (self._pair.assay, self._pair.reference, self._aiohttp)
        )

    def _send(self, server: Server, clients: int) -> Figures:
        measured, warmup = _COUNTS[clients]
        self._pair.environment.run(database_rows.complete_submitted)
        # The bare aiohttp server changes nothing, but all of them get requests of the same length.
        requests = [submit_request(assessment) for assessment in self._take(measured + warmup)]
        return self._pair.send(server, requests, clients=clients, warmup=warmup, status=202)

    def _take(self, count: int) -> list[AnsweredAssessment]:
        return [next(self._assessments) for _ in range(count)]
