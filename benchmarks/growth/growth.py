"""Part "growth": how figures move with 1,000, 100,000 and, with --large, 1,000,000 assessments that are over."""

import asyncio
import http.client
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from app.domain.states import Role
from app.repositories.sql import Pool
from app.services import sessions
from app.services.caller import Caller
from app.services.day_counts import count_next_day
from app.wiring.pool import open_pool
from benchmarks import database_rows
from benchmarks.environment import Environment
from benchmarks.growth import growth_rows
from benchmarks.growth.operations import PERIODIC, Operation, Request, gradebook, operations
from benchmarks.processes import BenchmarkFailed, cpu_seconds
from benchmarks.report import Measurement, percentile
from benchmarks.server import Server, start_server

NOTES = (
    "growth: requests over HTTP, one after the other, and what workers do periodically, with so many assessments that "
    "are over; values are medians. CPU times are means of the server's process and of all processes of Postgres; the "
    "ratio compares their sum to that with the fewest assessments. The grade book is counted for 1,000 rows.",
)
_SIZES = (1_000, 100_000)
_LARGE = 1_000_000
_REQUESTS = 200
_WARM_UP = 5
_TIMEOUT = 300
# Of those whose result is whole: of old ones, `growth_rows` plants an empty one.
_ANY = """
SELECT a.id, a.owner FROM assessments a JOIN results r ON r.assessment_id = a.id
WHERE a.status = 'completed' AND pg_column_size(r.body) > 100 ORDER BY random() LIMIT $1
"""


@dataclass(frozen=True)
class _Figures:
    """Milliseconds of each request, and the mean CPU milliseconds of the server and of Postgres."""

    times: Sequence[float]
    server: float
    database: float

    @property
    def cpu(self) -> float:
        return self.server + self.database


def run(environment: Environment) -> list[Measurement]:
    """For each operation a line for each number of assessments."""
    sizes = (*_SIZES, _LARGE) if environment.large else _SIZES
    figures: dict[str, dict[int, _Figures]] = {}
    limits: dict[str, Operation] = {}
    for size in sizes:
        for operation, measured in _measure(environment, size):
            figures.setdefault(operation.name, {})[size] = measured
            limits[operation.name] = operation
    return [
        _line(limits[name], size, measured, by_size[sizes[0]])
        for name, by_size in figures.items()
        for size, measured in by_size.items()
    ]


def _measure(environment: Environment, size: int) -> list[tuple[Operation, _Figures]]:
    environment.reset()
    environment.run(lambda pool: growth_rows.plant(pool, environment.redis_url, environment.bank, size))
    counting = environment.run(_count_days)
    answered = environment.run(lambda pool: database_rows.insert_answered(pool, environment.bank, _REQUESTS + _WARM_UP))
    ended = environment.run(lambda pool: _ended(pool, _REQUESTS))
    cookie = environment.run(_signed_in)
    postmaster = environment.run(_postmaster)
    measured = [(Operation("count a day of former assessments", (), None, 1000.0), counting)]
    # Before the submissions, whose jobs no worker takes: the relay would find them again and again.
    for periodic in PERIODIC:
        figures = asyncio.run(_periodic(environment, postmaster, periodic.work))
        measured.append((Operation(periodic.name, ()), figures))
    with start_server(environment) as server:
        for operation in operations(answered, ended, cookie):
            measured.append((operation, _requests(server, postmaster, operation.requests)))
        book = _requests(server, postmaster, [gradebook()] * (1 + _WARM_UP if size == _SIZES[0] else 1))
        rows = size / 1000
        per_row = _Figures([value / rows for value in book.times], book.server / rows, book.database / rows)
        measured.append((Operation("grade book, 1,000 rows", (), 1.5), per_row))
    return measured


def _requests(server: Server, postmaster: int, requests: Sequence[Request]) -> _Figures:
    """The figures of the requests without those of the warm-up, which fill caches and make Postgres choose plans."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=_TIMEOUT)
    warm_up = min(_WARM_UP, len(requests) - 1)
    for request in requests[:warm_up]:
        _send(connection, request)
    before = cpu_seconds(server.process.pid), _cluster_seconds(postmaster)
    times = [_send(connection, request) for request in requests[warm_up:]]
    after = cpu_seconds(server.process.pid), _cluster_seconds(postmaster)
    connection.close()
    spent = [1000 * (late - early) / len(times) for early, late in zip(before, after, strict=True)]
    return _Figures(times, *spent)


def _send(connection: http.client.HTTPConnection, request: Request) -> float:
    """Milliseconds until the whole answer is there."""
    started = time.perf_counter()
    connection.request(request.method, request.path, request.body or None, request.headers)
    answer = connection.getresponse()
    size = 0
    while piece := answer.read(256 * 1024):
        size += len(piece)
    if answer.status != request.status:
        raise BenchmarkFailed(f"{request.method} {request.path} was answered {answer.status}")
    return 1000 * (time.perf_counter() - started)


async def _count_days(pool: Pool) -> _Figures:
    """The time that a worker takes for each day of the year; the work is that of Postgres."""
    times: list[float] = []
    postmaster = await _postmaster(pool)
    before = _cluster_seconds(postmaster)
    started = time.perf_counter()
    while await count_next_day(pool):
        times.append(1000 * (time.perf_counter() - started))
        started = time.perf_counter()
    return _Figures(times, 0.0, 1000 * (_cluster_seconds(postmaster) - before) / len(times))


async def _signed_in(pool: Pool) -> str:
    session_id, _ = await sessions.begin(pool, Caller("advisor", frozenset(Role)))
    return f"assay-session={session_id}"


async def _ended(pool: Pool, count: int) -> list[tuple[UUID, str]]:
    return [(row["id"], row["owner"]) for row in await pool.fetch(_ANY, count)]


async def _postmaster(pool: Pool) -> int:
    """The process that has started all others of Postgres."""
    return _parent(await pool.fetchval("SELECT pg_backend_pid()"))


async def _periodic(environment: Environment, postmaster: int, work: Callable[[Pool], Awaitable[object]]) -> _Figures:
    """The same for work that needs no server: its own process has the part of the worker."""

    async def measure(pool: Pool) -> _Figures:
        times = []
        for number in range(_WARM_UP + _REQUESTS):
            if number == _WARM_UP:
                before = cpu_seconds(os.getpid()), _cluster_seconds(postmaster)
            started = time.perf_counter()
            await work(pool)
            times.append(1000 * (time.perf_counter() - started))
        after = cpu_seconds(os.getpid()), _cluster_seconds(postmaster)
        spent = [1000 * (late - early) / _REQUESTS for early, late in zip(before, after, strict=True)]
        return _Figures(times[_WARM_UP:], *spent)

    async with open_pool(environment.database_url, "assay bench", 1) as pool:
        return await measure(pool)


def _cluster_seconds(postmaster: int) -> float:
    """CPU time of Postgres so far: of the processes that run, and of those that have ended."""
    pids = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    running = sum(_seconds_on_cpu(pid) for pid in pids if _parent(pid) == postmaster)
    fields = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()
    return running + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _seconds_on_cpu(pid: int) -> float:
    """Of a process with one thread, in nanoseconds and not in ticks."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except FileNotFoundError:
        return 0.0


def _parent(pid: int) -> int:
    """The parent of a process; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except FileNotFoundError:
        return 0


def _line(operation: Operation, size: int, figures: _Figures, fewest: _Figures) -> Measurement:
    median = percentile(figures.times, 50)
    note = (
        f"p95 {percentile(figures.times, 95):.2f} ms; CPU: server {figures.server:.2f} ms, "
        f"Postgres {figures.database:.2f} ms"
    )
    ratio = figures.cpu / fewest.cpu if fewest.cpu else None
    if operation.limit is not None:
        target, met = f"≤ {operation.limit:g} × the CPU", ratio is None or ratio <= operation.limit
    else:
        target, met = f"< {operation.most_ms:g} ms", median < (operation.most_ms or 0)
    name = f"{operation.name}, {size:,}"
    return Measurement("growth", name, "ms", median, {}, ratio, target, met, note)
