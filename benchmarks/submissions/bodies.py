"""Part "bodies": CPU time for the body of a request that is made to keep a server busy; while it is handled, the server
answers nobody else."""

import time

from app.schemas.requests import SubmitBody
from benchmarks.environment import Environment
from benchmarks.report import Measurement, at_most
from tests.web.costly_bodies import costly_bodies, handle_body

NOTES = (
    "bodies: parsing, validation and the fingerprint, in this process and without a server; the least of five times. "
    "The limit: an essay of a megabyte.",
)
_MAX_MS = 50.0
_REPETITIONS = 5


def run(_: Environment) -> list[Measurement]:
    """The bodies that take longest."""
    times = {name: min(_milliseconds(raw) for _ in range(_REPETITIONS)) for name, raw in costly_bodies().items()}
    plain = times["a long text"]
    slowest = sorted(times, key=lambda name: times[name], reverse=True)[:3]
    return [at_most("bodies", name, "ms", times[name], {"a long text": plain}, _MAX_MS) for name in slowest]


def _milliseconds(raw: bytes) -> float:
    started = time.process_time()
    handle_body(raw, SubmitBody)
    return 1000 * (time.process_time() - started)
