"""Thousands of long polls at one server process: what each costs while nothing happens, and how soon it is told."""

import asyncio
import resource
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from subprocess import Popen
from typing import Any

import asyncpg

from app.services.assessments.change_hub import LOOK_SECONDS
from benchmarks import database_rows
from benchmarks.environment import Ground
from benchmarks.processes import BenchFailed, Child, child, cpu_seconds, memory_bytes, wait_for
from benchmarks.report import Line, at_most, ratio_at_most
from benchmarks.server import serving

NOTES = (
    "follow: each client is a student with an assessment and a connection of their own, and asks again as soon as it "
    "is answered. A change is a job's claim or return in Postgres, announced as a worker does it. Bare aiohttp waits "
    "for a future, verifies and reads nothing, and is told through Redis alone.",
)
_WAITERS = 10_000
# Counted neither in the memory of before nor of after: what the first requests load and open.
_WARM = 200
# Changes that are timed; then each assessment is changed once more, as fast as that goes.
_TIMED = 2_000
_RATE = 100.0
_LOOKS = 3
# A server that uses no more of a core than this over so many seconds has nothing to do; or nothing but to answer polls
# that end.
_IDLE_SECONDS = 0.5
_IDLE_SHARE = 0.08
_CALM_SHARE = 0.4
_BODY_BYTES = 530
_MOST_MEMORY = 1.4
_MOST_MS = 100.0
# Open files of a server beside its clients' connections.
_OTHER_FILES = 200
_STATEMENTS = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = $1"


@dataclass(frozen=True)
class _Found:
    """One server: bytes for a waiter, percent of a core while all wait, statements in one look, and times (ms)."""

    memory: float
    percent: float
    statements: float
    told: dict[str, Any]


def run(ground: Ground) -> list[Line]:
    """First bare aiohttp, then ours, over the same clients."""
    waiters = _waiters()
    ground.run(lambda pool: database_rows.queued(pool, waiters))
    with child("followers.follow_aiohttp", redis_url=ground.redis_url, body_bytes=_BODY_BYTES) as bare:
        found = _measured(ground, bare.process, _asking(ground, "bare", bare.says(), waiters), waiters)
    with serving(ground) as server:
        ours = _measured(ground, server.process, _asking(ground, "ours", server.port, waiters), waiters)
    return _lines(waiters, ours, found)


def _waiters() -> int:
    """As many as there may be open files; this process' limit is what its children begin with."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    waiters = _WAITERS if most == resource.RLIM_INFINITY else min(_WAITERS, most - _OTHER_FILES)
    return waiters - waiters % 1000


def _asking(ground: Ground, mode: str, port: int, waiters: int) -> AbstractContextManager[Child]:
    return child(
        "followers.follow_client", mode=mode, port=port, dsn=ground.database_url, redis_url=ground.redis_url,
        count=waiters, warm=_WARM, timed=_TIMED, rate=_RATE, burst=waiters,
    )  # fmt: skip


def _measured(ground: Ground, server: "Popen[Any]", asking: AbstractContextManager[Child], waiters: int) -> _Found:
    with asking as clients:
        _expect(clients, "warm")
        _quiet(server)
        before = memory_bytes(server.pid)
        clients.tell("go on")
        _expect(clients, "asked")
        _quiet(server, _CALM_SHARE)
        memory = (memory_bytes(server.pid) - before) / (waiters - _WARM)
        clients.tell("go on")
        _expect(clients, "told")
        _quiet(server)
        percent, statements = _waiting(ground, server)
        clients.tell("go on")
        return _Found(memory, percent, statements, clients.says())


def _expect(clients: Child, word: str) -> None:
    if (said := clients.says()) != word:
        raise BenchFailed(f"the clients said {said!r}")


def _quiet(server: "Popen[Any]", share: float = _IDLE_SHARE) -> None:
    """Returns when everything that was asked has been dealt with: the server uses hardly more of a core than this."""

    def idle() -> bool:
        before = cpu_seconds(server.pid)
        time.sleep(_IDLE_SECONDS)
        return cpu_seconds(server.pid) - before <= share * _IDLE_SECONDS

    wait_for(idle, server, "the server to become quiet")


def _waiting(ground: Ground, server: "Popen[Any]") -> tuple[float, float]:
    """Percent of a core and statements in a look, over some looks; begun in the middle between two, so that the number
    of looks is known. Without looks: the percent, over the same time."""
    first = _executed(ground)
    deadline = time.monotonic() + 2 * LOOK_SECONDS
    while _executed(ground) == first and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(LOOK_SECONDS / 2)
    before, used, started = _executed(ground), cpu_seconds(server.pid), time.monotonic()
    time.sleep(_LOOKS * LOOK_SECONDS)
    percent = 100 * (cpu_seconds(server.pid) - used) / (time.monotonic() - started)
    return percent, (_executed(ground) - before) / _LOOKS


def _executed(ground: Ground) -> int:
    """Statements so far in the part's database, each a transaction; asked in another one."""
    return asyncio.run(_count(ground.servers.database_url, ground.database_name))


async def _count(url: str, database: str) -> int:
    conn = await asyncpg.connect(url)
    try:
        count: int = await conn.fetchval(_STATEMENTS, database)
        return count
    finally:
        await conn.close()


def _lines(waiters: int, ours: _Found, bare: _Found) -> list[Line]:
    told, floor = ours.told, {"bare aiohttp": bare.told["p99"]}
    note = f"p50 {told['p50']:.1f} ms (bare {bare.told['p50']:.1f}), slowest {told['slowest']:.0f} ms"
    looks = f"{ours.statements / LOOK_SECONDS:.2g} a second; 1,000 assessments in one"
    fast = f"{_RATE:g} a second, then {told['made']:,.0f} a second: the last was told {told['behind']:.1f} s after"
    if told["turned_away"]:
        fast += f"; turned away {told['turned_away']} times"
    memory = {"bare aiohttp": bare.memory / 1024}
    return [
        ratio_at_most("follow", f"memory of a waiter, {waiters:,}", "KiB", ours.memory / 1024, memory, _MOST_MEMORY),
        at_most("follow", "while all wait", "% of a core", ours.percent, {"bare aiohttp": bare.percent}, None),
        at_most("follow", f"statements in {LOOK_SECONDS:g} s of waiting", "", ours.statements, {}, None, looks),
        at_most("follow", "from the commit to the answer, p99", "ms", told["p99"], floor, _MOST_MS, note),
        at_most("follow", f"lost of {told['changes']:,} changes", "", told["lost"], {}, 1, fast),
    ]
