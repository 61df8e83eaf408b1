"""Faults injected one after the other into a deployment at work, each when enough work was finished since the last."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from app.repositories.sql import Pool
from tests.fakes.balancer import Balancer
from tests.fakes.conditions import until
from tests.faults.engines import Engines, steadily
from tests.faults.ledger import Ledger
from tests.faults.processes import Fleet, Service

# What one round of chaos does, and how often.
FAULTS = {
    "killed worker": 12,
    "killed server": 8,
    "stopped worker": 5,
    "wiped redis": 5,
    "restarted redis": 3,
    "restarted postgres": 2,
}
# For one fault to find its victim at work, or for the work between two.
_SECONDS = 120.0
_FINISHED = "SELECT count(*) FROM assessments WHERE status = 'completed'"
_AT_WORK = "SELECT count(*) > 0 FROM async_jobs WHERE status = 'in_progress'"
_TAKEN_OVER = """
SELECT count(*) > 0 FROM faults.ledger c JOIN faults.ledger o ON o.job_id = c.job_id AND o.claim AND o.fence < c.fence
WHERE c.claim AND c.job_id = ANY($1) AND c.process <> $2 AND o.process = $2
"""

_T = TypeVar("_T")


def plan(chance: random.Random) -> list[str]:
    """All faults of a round, in any order."""
    names = [name for name, count in FAULTS.items() for _ in range(count)]
    chance.shuffle(names)
    return names


@dataclass
class Chaos:
    """Breaks what it is given; `done` counts the faults of each kind."""

    fleet: Fleet
    engines: Engines
    ledger: Ledger
    balancer: Balancer
    pool: Pool
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)

    async def run(self, names: Iterable[str], finished: int, step: int, allowed: asyncio.Semaphore) -> None:
        """Injects these faults: the first when `finished` assessments and `step` more are finished, and so on. Each
        allows `step` more to begin, so that neither the work nor the faults run ahead of each other."""
        for name in names:
            finished += step
            await self._finished(finished)
            self._allow(allowed, step)
            await until(lambda: self._ask(_AT_WORK), _SECONDS)
            while not await self._fault(name)():
                # Its victim was just done with all that it had. The next one needs something to do.
                self._allow(allowed, 1)
            self.done[name] += 1

    def _allow(self, allowed: asyncio.Semaphore, count: int) -> None:
        for _ in range(count):
            allowed.release()

    def _fault(self, name: str) -> Callable[[], Awaitable[bool]]:
        return {
            "killed worker": self._kill_worker,
            "killed server": self._kill_server,
            "stopped worker": self._stop_worker,
            "wiped redis": self._wipe_redis,
            "restarted redis": self._restart_redis,
            "restarted postgres": self._restart_postgres,
        }[name]

    async def _finished(self, count: int) -> None:
        async def enough() -> bool:
            return bool(await self._ask(_FINISHED) >= count)

        await until(enough, _SECONDS)

    async def _kill_worker(self) -> bool:
        """Whether it died with a job in its hands."""
        name, worker = await _found(self._worker_at_work)
        assert await worker.end(signal.SIGKILL) == -signal.SIGKILL
        return name in await steadily(self.ledger.held)

    async def _kill_server(self) -> bool:
        server = await _found(self._server_at_work)
        assert await server.end(signal.SIGKILL) == -signal.SIGKILL
        return True

    async def _stop_worker(self) -> bool:
        """Whether it was stopped with a job in its hands: then until another worker has taken that over."""
        name, worker = await _found(self._worker_at_work)
        worker.send(signal.SIGSTOP)
        held = (await steadily(self.ledger.held)).get(name, set())
        if held:
            await until(lambda: self._ask(_TAKEN_OVER, held, name), _SECONDS)
        worker.send(signal.SIGCONT)
        return bool(held)

    async def _wipe_redis(self) -> bool:
        await self.engines.wipe_redis()
        return True

    async def _restart_redis(self) -> bool:
        await self.engines.end_redis()
        await self.engines.start_redis()
        return True

    async def _restart_postgres(self) -> bool:
        """By turns a stop without tidying up and a crash."""
        crash = self.done["restarted postgres"] % 2
        await self.engines.end_postgres(signal.SIGKILL if crash else signal.SIGQUIT)
        await self.engines.start_postgres()
        return True

    async def _worker_at_work(self) -> tuple[str, Service] | None:
        """The running worker with the most jobs in its hands, by the name of its process."""
        held = await steadily(self.ledger.held)
        running = {worker.process_name: worker for worker in self.fleet.workers if worker.process_name in held}
        busiest = max(running, key=lambda name: len(held[name]), default=None)
        return (busiest, running[busiest]) if busiest else None

    async def _server_at_work(self) -> Service | None:
        """The server at which most requests are."""
        requests, server = max(
            zip(map(self.balancer.in_flight.__getitem__, self.fleet.urls), self.fleet.servers, strict=True),
            key=lambda place: place[0],
        )
        return server if requests else None

    async def _ask(self, statement: str, *values: object) -> Any:
        return await steadily(lambda: self.pool.fetchval(statement, *values))


async def _found(find: Callable[[], Awaitable[_T | None]]) -> _T:
    """What `find` finds, as soon as it finds something."""
    things: list[_T] = []

    async def found() -> bool:
        thing = await find()
        things.extend([] if thing is None else [thing])
        return bool(things)

    await until(found, _SECONDS)
    return things[0]
