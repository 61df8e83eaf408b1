"""Part "poll": reading the status of submitted assessments, beside a bare service that does the same."""

from itertools import cycle, islice

from app.repositories.sql import Pool
from app.services.assessments.status import read_status
from benchmarks import database_rows
from benchmarks.database_rows import AnsweredAssessment
from benchmarks.environment import Environment
from benchmarks.http_client import send_requests
from benchmarks.reference.in_turns import Figures, Pair, compare, rate_and_cpu, start_pair
from benchmarks.report import Measurement
from benchmarks.server import Server, status_request, submit_request
from tests.job_runner import access_of_student

NOTES = (
    "poll: no worker runs; each poll is for one of 200 submitted assessments, of a student of its own. The reference "
    "is a process of aiohttp and asyncpg that verifies the token and executes the same statement. Each figure is the "
    "median of three rounds taken in turns.",
)
_ASSESSMENTS = 200
# By the number of clients: polls that are measured, and others before them as a warm-up.
_COUNTS = {1: (1000, 100), 16: (3000, 300), 64: (3000, 300)}
_SHARE, _CONDITIONAL_SHARE = 0.8, 0.9
_MAX_CPU = 1.6


def run(environment: Environment) -> list[Measurement]:
    """Plain and conditional polls by different numbers of clients."""
    first, *others = environment.run(
        lambda pool: database_rows.insert_answered(pool, environment.bank, _ASSESSMENTS + 1)
    )
    with start_pair(environment, first) as pair:
        send_requests(pair.assay.port, [submit_request(assessment) for assessment in others], clients=4)
        # All have the same one, since each was submitted without changes before.
        tag = environment.run(lambda pool: _tag(pool, others[0]))
        return [
            measurement
            for clients in _COUNTS
            for known in (None, tag)
            for measurement in _measure(pair, others, clients, known)
        ]


async def _tag(pool: Pool, assessment: AnsweredAssessment) -> str:
    access = access_of_student(assessment.owner)
    return (await read_status(pool, assessment.assessment_id, access)).tag


def _measure(pair: Pair, assessments: list[AnsweredAssessment], clients: int, known: str | None) -> list[Measurement]:
    measured, warmup = _COUNTS[clients]
    distinct = [status_request(assessment, known) for assessment in assessments]
    requests = list(islice(cycle(distinct), measured + warmup))
    status = 304 if known else 200

    def take(server: Server) -> Figures:
        return pair.send(server, requests, clients=clients, warmup=warmup, status=status)

    name = ("one client" if clients == 1 else f"{clients} clients") + (", not modified" if known else "")
    share = _CONDITIONAL_SHARE if known else _SHARE
    return rate_and_cpu("poll", name, *compare(pair, take), share, _MAX_CPU)
