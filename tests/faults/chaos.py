"""Injects faults one after the other into a deployment under load, each after some more assessments are completed."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar
from uuid import UUID

from app.local.embedded.processes import is_alive
from app.repositories.sql import Pool
from tests.fakes.balancer import Balancer
from tests.fakes.conditions import until
from tests.faults.fault_servers import FaultServers, retry_while_down
from tests.faults.ledger import Ledger
from tests.faults.processes import Fleet

# The faults of one round, and how many of each.
FAULTS = {
    "killed worker": 12,
    "killed server": 8,
    "killed supervisor": 2,
    "stopped worker": 5,
    "wiped redis": 5,
    "restarted redis": 3,
    "restarted postgres": 2,
}
# The longest wait for a process that can be hit, or for the work between two faults.
_SECONDS = 120.0
_COMPLETED = "SELECT count(*) FROM assessments WHERE status = 'completed'"
_JOBS_RUNNING = "SELECT count(*) > 0 FROM async_jobs WHERE status = 'in_progress'"
_TAKEN_OVER = """
SELECT count(*) > 0 FROM faults.ledger c JOIN faults.ledger o ON o.job_id = c.job_id AND o.claim AND o.fence < c.fence
WHERE c.claim AND c.job_id = ANY($1) AND c.process <> $2 AND o.process = $2
"""

_STATES = "SELECT jsonb_agg(to_jsonb(j))::text FROM async_jobs j WHERE id = ANY($1)"

_T = TypeVar("_T")


def shuffled_faults(random: Random) -> list[str]:
    """All faults of a round, in random order."""
    names = [name for name, count in FAULTS.items() for _ in range(count)]
    random.shuffle(names)
    return names


@dataclass
class Chaos:
    """Injects faults into a deployment; `done` counts the faults of each kind."""

    fleet: Fleet
    fault_servers: FaultServers
    ledger: Ledger
    balancer: Balancer
    pool: Pool
    random: Random
    done: Counter[str] = field(default_factory=Counter)

    async def run(self, names: Iterable[str], completed: int, step: int, allowed: asyncio.Semaphore) -> None:
        """Injects these faults, the first when `step` assessments more than `completed` are completed, and so on.

        Each fault allows `step` more assessments to start (it releases `allowed`), so that neither the load nor the
        faults run ahead of each other."""
        for name in names:
            completed += step
            await self._wait_for_completed(completed)
            self._allow(allowed, step)
            await until(lambda: self._query(_JOBS_RUNNING), _SECONDS)
            while not await self._fault(name)():
                # The process had just finished its work. The next one needs some to be hit at.
                self._allow(allowed, 1)
            self.done[name] += 1

    def _allow(self, allowed: asyncio.Semaphore, count: int) -> None:
        for _ in range(count):
            allowed.release()

    def _fault(self, name: str) -> Callable[[], Awaitable[bool]]:
        return {
            "killed worker": self._kill_worker,
            "killed server": self._kill_server,
            "killed supervisor": self._kill_supervisor,
            "stopped worker": self._stop_worker,
            "wiped redis": self._wipe_redis,
            "restarted redis": self._restart_redis,
            "restarted postgres": self._restart_postgres,
        }[name]

    async def _wait_for_completed(self, count: int) -> None:
        async def enough() -> bool:
            return bool(await self._query(_COMPLETED) >= count)

        await until(enough, _SECONDS)

    async def _kill_worker(self) -> bool:
        """Whether one process of a worker was killed while it ran a job."""
        name, pid = await _wait_for(self._busiest_worker)
        os.kill(pid, signal.SIGKILL)
        await _wait_for_end(pid)
        return name in await retry_while_down(self.ledger.running_jobs)

    async def _kill_server(self) -> bool:
        """Kills one process of a server."""
        pid = await _wait_for(self._busiest_server)
        os.kill(pid, signal.SIGKILL)
        await _wait_for_end(pid)
        return True

    async def _kill_supervisor(self) -> bool:
        """Kills the supervisor of a server and that of a worker by turns; their processes stop by themselves."""
        services = (self.fleet.servers, self.fleet.workers)[self.done["killed supervisor"] % 2]
        assert await self.random.choice(services).end(signal.SIGKILL) == -signal.SIGKILL
        return True

    async def _stop_worker(self) -> bool:
        """Whether a process of a worker was stopped while it ran a job, and another one has taken that over. Then it
        continues."""
        name, pid = await _wait_for(self._busiest_worker)
        os.kill(pid, signal.SIGSTOP)
        jobs = await self._running_jobs(name)

        async def taken_over_or_ended() -> bool:
            # Postgres still executes what the process had sent, which may end its jobs.
            return await self._query(_TAKEN_OVER, jobs, name) or jobs.isdisjoint(await self._running_jobs(name))

        try:
            await until(taken_over_or_ended, _SECONDS)
        except AssertionError as error:
            error.add_note(f"{name} ran {await self._query(_STATES, jobs)}")
            raise
        with suppress(ProcessLookupError):
            # A supervisor kills what shows no sign of life for a minute.
            os.kill(pid, signal.SIGCONT)
        return bool(await self._query(_TAKEN_OVER, jobs, name))

    async def _wipe_redis(self) -> bool:
        await self.fault_servers.wipe_redis()
        return True

    async def _restart_redis(self) -> bool:
        await self.fault_servers.end_redis()
        await self.fault_servers.start_redis()
        return True

    async def _restart_postgres(self) -> bool:
        """By turns after an immediate shutdown and after a crash."""
        crash = self.done["restarted postgres"] % 2
        await self.fault_servers.end_postgres(signal.SIGKILL if crash else signal.SIGQUIT)
        await self.fault_servers.start_postgres()
        return True

    async def _busiest_worker(self) -> tuple[str, int] | None:
        """The process of a worker that runs the most jobs: its name and its id."""
        jobs = await retry_while_down(self.ledger.running_jobs)
        running = {
            f"{worker.process_name}/{pid}": pid
            for worker in self.fleet.workers
            for pid in worker.children().values()
            if is_alive(pid)
        }
        busiest = max(running.keys() & jobs.keys(), key=lambda name: len(jobs[name]), default=None)
        return (busiest, running[busiest]) if busiest else None

    async def _busiest_server(self) -> int | None:
        """A process of the server with the most requests in flight, which may or may not be at that process."""
        requests, server = max(
            zip(map(self.balancer.in_flight.__getitem__, self.fleet.urls), self.fleet.servers, strict=True),
            key=lambda server: server[0],
        )
        running = [pid for pid in server.children().values() if is_alive(pid)]
        return self.random.choice(running) if requests and running else None

    async def _running_jobs(self, name: str) -> set[UUID]:
        return (await retry_while_down(self.ledger.running_jobs)).get(name, set())

    async def _query(self, statement: str, *values: object) -> Any:
        return await retry_while_down(lambda: self.pool.fetchval(statement, *values))


async def _wait_for_end(pid: int) -> None:
    """Returns when the process has ended."""

    async def ended() -> bool:
        return not is_alive(pid)

    await until(ended, _SECONDS)


async def _wait_for(find: Callable[[], Awaitable[_T | None]]) -> _T:
    """Calls `find` until it returns something, and returns that."""
    results: list[_T] = []

    async def is_found() -> bool:
        result = await find()
        results.extend([] if result is None else [result])
        return bool(results)

    await until(is_found, _SECONDS)
    return results[0]
