"""Sends the same requests to Assay and to the reference in turns, and compares what they take."""

import json
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.database_rows import AnsweredAssessment
from benchmarks.environment import CONNECTIONS, Environment
from benchmarks.processes import measure, start_child
from benchmarks.report import Measurement, at_least, ratio_at_most
from benchmarks.server import MAX_QUEUED, Server, start_server
from tests.conftest import SECRET

# Rounds of each figure, which is their median.
ROUNDS = 3
_FIGURES = ("rate", "p50", "p99", "cpu")
Figures = dict[str, float]


@dataclass(frozen=True)
class Pair:
    """Assay's server and the reference, both on the same database."""

    environment: Environment
    assay: Server
    reference: Server

    def send(self, server: Server, requests: list[str], *, clients: int, warmup: int, status: int) -> Figures:
        """Rate, percentiles (ms) and CPU time (ms) of these requests to one of the two, without the first ones."""
        return send(self.environment, server, requests, clients=clients, warmup=warmup, status=status)


def send(
    environment: Environment, server: Server, requests: list[str], *, clients: int, warmup: int, status: int
) -> Figures:
    """Rate, percentiles (ms) and CPU time (ms) of these requests to a server, without the first ones."""
    file = environment.folder / "requests.json"
    file.write_text(json.dumps(requests))
    figures: Figures = measure(
        "http_client", port=server.port, servers=server.pids, requests=str(file), clients=clients, warmup=warmup,
        status=status,
    )  # fmt: skip
    return figures


@contextmanager
def start_pair(environment: Environment, assessment: AnsweredAssessment) -> Iterator[Pair]:
    """Runs both servers until the block ends. The reference submits this assessment to learn how."""
    with (
        start_server(environment) as assay,
        start_child(
            "reference.reference_server", dsn=environment.database_url, secret=SECRET, connections=CONNECTIONS,
            max_queued=MAX_QUEUED, assessment=(str(assessment.assessment_id), assessment.owner),
        ) as child,
    ):  # fmt: skip
        port = child.receive()
        yield Pair(environment, assay, Server(child.process, port))


def medians(rounds: list[Figures]) -> Figures:
    """The median of each figure."""
    return {name: statistics.median(figures[name] for figures in rounds) for name in rounds[0]}


def compare(pair: Pair, take: Callable[[Server], Figures]) -> tuple[Figures, Figures]:
    """The medians of Assay and of the reference, taken in turns."""
    rounds = [(take(pair.assay), take(pair.reference)) for _ in range(ROUNDS)]
    return medians([assay for assay, _ in rounds]), medians([reference for _, reference in rounds])


def rate_and_cpu(
    part: str, name: str, assay: Figures, reference: Figures, share: float, multiple: float
) -> list[Measurement]:
    """The comparison as a rate, which should be at least this share of the reference's, and as CPU time of the server
    for each request, which should be at most this multiple."""
    note = (
        f"p50 {assay['p50']:.1f} ms, p99 {assay['p99']:.1f} ms (reference {reference['p50']:.1f}, "
        f"{reference['p99']:.1f})"
    )
    cpu = {"the reference": reference["cpu"]}
    return [
        at_least(part, name, assay["rate"], {"the reference": reference["rate"]}, share, note),
        ratio_at_most(part, f"{name}: CPU time of the server", "ms", assay["cpu"], cpu, multiple),
    ]
