"""Part "follow": thousands of long polls at one server process. Measures their cost while nothing happens, and the time
from a change to the client."""

import asyncio
import resource
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from subprocess import Popen
from typing import Any

import asyncpg

from app.services.assessments.change_hub import CHECK_SECONDS
from benchmarks import database_rows
from benchmarks.environment import Environment
from benchmarks.processes import BenchmarkFailed, ChildProcess, cpu_seconds, memory_bytes, start_child, wait_for
from benchmarks.report import Measurement, at_most, ratio_at_most
from benchmarks.server import start_server

NOTES = (
    "follow: each client is a student with an assessment and a connection of their own, and polls again as soon as it "
    "is answered. A change claims or releases a job in Postgres and is published as by a worker. Bare aiohttp waits "
    "for a future, which a message through Redis resolves; it verifies and reads nothing.",
)
_CLIENTS = 10_000
# Clients that connect first; the memory that their requests make the server allocate once is not counted.
_WARM = 200
# Changes that are timed; then each assessment is changed once more, as fast as possible.
_TIMED = 2_000
_RATE = 100.0
# The server's periodic checks during which its CPU time and statements are counted.
_CHECKS = 6
# Seconds until Postgres has counted the transactions of sessions that have become idle (PGSTAT_IDLE_INTERVAL), and one.
_COUNTED_SECONDS = 11.0
_MAX_STATEMENTS = 20
# A server is idle when it uses no more than this share of a core over so many seconds; the larger share also allows for
# polls that end and begin again.
_IDLE_SECONDS = 0.5
_IDLE_SHARE = 0.08
_CALM_SHARE = 0.4
_BODY_BYTES = 530
_MAX_MEMORY_RATIO = 1.4
_MAX_MS = 20.0
# Open files of a server beside its clients' connections.
_OTHER_FILES = 200
_STATEMENTS = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = $1"


@dataclass(frozen=True)
class _ServerFigures:
    """One server: bytes for each client, percent of a core and statements per check while all wait, and the figures of
    `follow_client`."""

    memory: float
    percent: float
    statements: float
    client: dict[str, Any]


def run(environment: Environment) -> list[Measurement]:
    """Five measurements: memory, CPU, statements, time from commit to answer, lost changes."""
    clients = _allowed_clients()
    environment.run(lambda pool: database_rows.insert_queued_jobs(pool, clients))
    with start_child("followers.follow_aiohttp", redis_url=environment.redis_url, body_bytes=_BODY_BYTES) as bare:
        child = _start_clients(environment, "aiohttp", bare.receive(), clients)
        aiohttp = _measure(environment, bare.process, child, clients)
    with start_server(environment) as server:
        child = _start_clients(environment, "assay", server.port, clients)
        assay = _measure(environment, server.process, child, clients)
    return _measurements(clients, assay, aiohttp)


def _allowed_clients() -> int:
    """As many clients as the limit on open files allows. Raises this process' limit, which its children inherit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    clients = _CLIENTS if most == resource.RLIM_INFINITY else min(_CLIENTS, most - _OTHER_FILES)
    return clients - clients % 1000


def _start_clients(
    environment: Environment, mode: str, port: int, clients: int
) -> AbstractContextManager[ChildProcess]:
    return start_child(
        "followers.follow_client", mode=mode, port=port, dsn=environment.database_url, redis_url=environment.redis_url,
        count=clients, warm=_WARM, timed=_TIMED, rate=_RATE, burst=clients,
    )  # fmt: skip


def _measure(
    environment: Environment, server: "Popen[Any]", child: AbstractContextManager[ChildProcess], clients: int
) -> _ServerFigures:
    with child as client:
        _wait_for_step(client, "warm")
        _wait_until_idle(server)
        memory_before = memory_bytes(server.pid)
        client.send("go on")
        _wait_for_step(client, "connected")
        _wait_until_idle(server, _CALM_SHARE)
        memory = (memory_bytes(server.pid) - memory_before) / (clients - _WARM)
        client.send("go on")
        _wait_for_step(client, "changed")
        _wait_until_idle(server)
        percent, statements = _cost_of_waiting(environment, server)
        client.send("go on")
        return _ServerFigures(memory, percent, statements, client.receive())


def _wait_for_step(client: ChildProcess, step: str) -> None:
    if (message := client.receive()) != step:
        raise BenchmarkFailed(f"the clients sent {message!r} instead of {step!r}")


def _wait_until_idle(server: "Popen[Any]", share: float = _IDLE_SHARE) -> None:
    def idle() -> bool:
        before = cpu_seconds(server.pid)
        time.sleep(_IDLE_SECONDS)
        return cpu_seconds(server.pid) - before <= share * _IDLE_SECONDS

    wait_for(idle, server, "the server to become idle")


def _cost_of_waiting(environment: Environment, server: "Popen[Any]") -> tuple[float, float]:
    """Percent of a core, and statements per periodic check."""
    time.sleep(_COUNTED_SECONDS)
    statements = _executed_statements(environment)
    cpu, started = cpu_seconds(server.pid), time.monotonic()
    time.sleep(_CHECKS * CHECK_SECONDS)
    percent = 100 * (cpu_seconds(server.pid) - cpu) / (time.monotonic() - started)
    return percent, (_executed_statements(environment) - statements) / _CHECKS


def _executed_statements(environment: Environment) -> int:
    """Statements so far in the part's database, each a transaction; read from another database, so as not to count."""
    return asyncio.run(_read_statements(environment.servers.superuser_url, environment.database_name))


async def _read_statements(url: str, database: str) -> int:
    conn = await asyncpg.connect(url)
    try:
        count: int = await conn.fetchval(_STATEMENTS, database)
        return count
    finally:
        await conn.close()


def _measurements(clients: int, assay: _ServerFigures, aiohttp: _ServerFigures) -> list[Measurement]:
    times, aiohttp_times = assay.client, aiohttp.client
    memory = {"bare aiohttp": aiohttp.memory / 1024}
    per_second = f"{assay.statements / CHECK_SECONDS:.2g} a second; one for each 1,000 assessments"
    delay_note = f"p50 {times['p50']:.1f} ms (bare {aiohttp_times['p50']:.1f}), slowest {times['slowest']:.0f} ms"
    lost_note = (
        f"{_RATE:g} a second, then {times['rate']:,.0f} a second: the last was received {times['lag']:.1f} s after"
    )
    if times["refused"]:
        lost_note += f"; {times['refused']} polls refused"
    return [
        ratio_at_most(
            "follow", f"memory of a client, {clients:,}", "KiB", assay.memory / 1024, memory, _MAX_MEMORY_RATIO
        ),
        at_most("follow", "while all wait", "% of a core", assay.percent, {"bare aiohttp": aiohttp.percent}, None),
        at_most(
            "follow", f"statements in {CHECK_SECONDS:g} s of waiting", "", assay.statements, {}, _MAX_STATEMENTS,
            per_second,
        ),
        at_most(
            "follow", "from the commit to the answer, p99", "ms", times["p99"], {"bare aiohttp": aiohttp_times["p99"]},
            _MAX_MS, delay_note,
        ),
        at_most("follow", f"lost of {times['changes']:,} changes", "", times["lost"], {}, 1, lost_note),
    ]  # fmt: skip
