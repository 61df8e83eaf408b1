"""Redis or Postgres away under real processes, and a server that dies between its commit and its ring."""

import asyncio
import signal
import socket
from collections.abc import Iterator

import pytest

from app.repositories.sql import Pool
from tests.bank import ESSAY, Bank
from tests.fakes.balancer import Balancer, PatientClient
from tests.fakes.held_calls import HeldCalls
from tests.faults.engines import Engines
from tests.faults.processes import Fleet
from tests.faults.students import begin, completed, submit
from tests.web.expecting import problem


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A Redis that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"


async def test_what_was_submitted_without_redis_is_done_when_it_is_back(
    fleet: Fleet, engines: Engines, balancer: Balancer, bank: Bank, pool: Pool
) -> None:
    await fleet.start(servers=1, workers=1)
    await engines.end_redis()
    client = PatientClient(balancer, "student-1")
    path = await begin(client, bank, ESSAY)
    assessment_id = await submit(client, path)
    assert balancer.outcomes["503"] == 0
    assert await pool.fetchval("SELECT count(*) FROM async_jobs WHERE status = 'queued' AND fence = 0") == 3
    await engines.start_redis()
    await completed(pool, assessment_id)


async def test_what_a_server_committed_and_did_not_live_to_ring_for_is_done(
    fleet: Fleet, balancer: Balancer, bank: Bank, pool: Pool, black_hole: str
) -> None:
    server = await fleet.add_server(REDIS_URL=black_hole)
    client = PatientClient(balancer, "student-1")
    path = await begin(client, bank, ESSAY)
    assessment_id = await submit(client, path)
    assert await server.end(signal.SIGKILL) == -signal.SIGKILL
    await fleet.add_worker()
    await completed(pool, assessment_id)


async def test_the_same_processes_go_on_when_postgres_is_back(
    fleet: Fleet, engines: Engines, balancer: Balancer, bank: Bank, pool: Pool, calls: HeldCalls
) -> None:
    await fleet.start(servers=1, workers=1)
    (server, worker), client = (*fleet.servers, *fleet.workers), PatientClient(balancer, "student-1")
    other = PatientClient(balancer, "student-2")
    path, waiting = await asyncio.gather(begin(client, bank, ESSAY), begin(other, bank, ESSAY))
    assessment_id = await submit(client, path)
    await calls.arrived(2)
    pids = server.pid, worker.pid
    await engines.end_postgres(signal.SIGQUIT)
    for reply in (await client.send_once("GET", f"{path}/status"), await other.send_once("POST", f"{waiting}/submit")):
        problem(reply, 503, "storage-unavailable")
        assert int(reply.headers["Retry-After"]) > 0
    await worker.says("database_unavailable")
    await engines.start_postgres()
    calls.let_go(points=20)
    await completed(pool, assessment_id)
    await completed(pool, await submit(other, waiting))
    assert (server.pid, worker.pid) == pids
    assert (server.exits, worker.exits) == ([], [])
