"""Outages of Redis and Postgres, and a server that crashes between its commit and the notification of workers."""

import asyncio
import signal
import socket
from collections.abc import Iterator

import pytest

from app.repositories.sql import Pool
from tests.bank import ESSAY, Bank
from tests.fakes.balancer import Balancer, PatientClient
from tests.fakes.held_model_calls import HeldModelCalls
from tests.faults.fault_servers import FaultServers
from tests.faults.processes import Fleet
from tests.faults.students import start_and_answer, submit, wait_until_completed
from tests.web.problems import problem


@pytest.fixture
def black_hole() -> Iterator[str]:
    """The URL of a Redis that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"


async def test_submissions_without_redis_are_processed_when_it_is_back(
    fleet: Fleet, fault_servers: FaultServers, balancer: Balancer, bank: Bank, pool: Pool
) -> None:
    await fleet.start(servers=1, workers=1)
    await fault_servers.end_redis()
    client = PatientClient(balancer, "student-1")
    path = await start_and_answer(client, bank, ESSAY)
    assessment_id = await submit(client, path)
    assert balancer.outcomes["503"] == 0
    assert await pool.fetchval("SELECT count(*) FROM async_jobs WHERE status = 'queued' AND fence = 0") == 3
    await fault_servers.start_redis()
    await wait_until_completed(pool, assessment_id)


async def test_a_submission_whose_server_crashed_before_notifying_workers_is_processed(
    fleet: Fleet, balancer: Balancer, bank: Bank, pool: Pool, black_hole: str
) -> None:
    server = await fleet.add_server(REDIS_URL=black_hole)
    client = PatientClient(balancer, "student-1")
    path = await start_and_answer(client, bank, ESSAY)
    assessment_id = await submit(client, path)
    assert await server.end(signal.SIGKILL) == -signal.SIGKILL
    await fleet.add_worker()
    await wait_until_completed(pool, assessment_id)


async def test_the_same_processes_go_on_when_postgres_is_back(
    fleet: Fleet, fault_servers: FaultServers, balancer: Balancer, bank: Bank, pool: Pool, calls: HeldModelCalls
) -> None:
    await fleet.start(servers=1, workers=1)
    (server, worker), client = (*fleet.servers, *fleet.workers), PatientClient(balancer, "student-1")
    other = PatientClient(balancer, "student-2")
    path, waiting = await asyncio.gather(start_and_answer(client, bank, ESSAY), start_and_answer(other, bank, ESSAY))
    assessment_id = await submit(client, path)
    await calls.wait_for_calls(2)
    pids = server.pid, worker.pid
    await fault_servers.end_postgres(signal.SIGQUIT)
    for reply in (await client.send_once("GET", f"{path}/status"), await other.send_once("POST", f"{waiting}/submit")):
        problem(reply, 503, "storage-unavailable")
        assert int(reply.headers["Retry-After"]) > 0
    await worker.wait_for_event("database_unavailable")
    await fault_servers.start_postgres()
    calls.release_all(points=20)
    await wait_until_completed(pool, assessment_id)
    await wait_until_completed(pool, await submit(other, waiting))
    assert (server.pid, worker.pid) == pids
    assert (server.exits, worker.exits) == ([], [])
