"""`assay serve --processes` and `assay worker --processes`: what dies is started again and nothing is lost, the metrics
are those of all processes, and none outlives its supervisor."""

import asyncio
import itertools
import os
import signal
from dataclasses import dataclass, field
from uuid import UUID

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from app.local.embedded.processes import is_alive
from app.repositories.sql import Pool
from app.services.worker_presence import list_alive
from tests.bank import Bank
from tests.fakes.balancer import Balancer, PatientClient
from tests.fakes.conditions import until
from tests.fakes.model_server import ModelServer, scores
from tests.faults.processes import START_SECONDS, Fleet, Service
from tests.faults.students import start_and_answer, submit, wait_until_completed
from tests.faults.wrong_rows import ALL_EMBEDDED, WRONG_ROWS

STUDENTS = 4
# Submissions that are accepted between two faults.
BETWEEN = 5
SUBMISSIONS = "assay_submissions_total"
RESTARTS = "assay_process_restarts_total"


@dataclass
class Load:
    """Students who submit one assessment after the other until `stop` is set."""

    balancer: Balancer
    bank: Bank
    accepted: list[UUID] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def run_student(self) -> None:
        """Submits assessments; repeats a request that is not answered."""
        while not self.stop.is_set():
            number = next(self._numbers)
            client = PatientClient(self.balancer, f"student-{number}")
            self.accepted.append(await submit(client, await start_and_answer(client, self.bank, f"Tree {number}.")))

    async def wait_for_more(self) -> None:
        """Returns when some more submissions were accepted."""
        wanted = len(self.accepted) + BETWEEN

        async def enough() -> bool:
            return len(self.accepted) >= wanted

        await until(enough, 120)


async def metric(url: str, name: str) -> float:
    """The value of a metric without labels."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        families = text_string_to_metric_families(await answer.text())
    return next(sample.value for family in families for sample in family.samples if sample.name == name)


async def until_gone(*pids: int) -> None:
    """Returns when these processes have ended."""

    async def gone() -> bool:
        return not any(map(is_alive, pids))

    await until(gone, 60)


async def kill_child(service: Service, number: int) -> None:
    """Kills a child, and returns when the supervisor has started another one in its place, which is ready."""
    pid = service.children()[number]
    os.kill(pid, signal.SIGKILL)

    async def replaced() -> bool:
        return service.children()[number] != pid

    await until(replaced, START_SECONDS)


async def test_killed_processes_are_replaced_and_no_submission_is_lost(
    fleet: Fleet, balancer: Balancer, bank: Bank, provider: ModelServer, pool: Pool
) -> None:
    provider.default = scores(20)
    fleet.processes = 2
    await fleet.start(servers=1, workers=1)
    await until(lambda: pool.fetchval(ALL_EMBEDDED), 60)
    load = Load(balancer, bank)
    async with asyncio.TaskGroup() as students:
        for _ in range(STUDENTS):
            students.create_task(load.run_student())
        for number in (1, 2):
            await load.wait_for_more()
            await asyncio.gather(*(kill_child(service, number) for service in (*fleet.servers, *fleet.workers)))
        await load.wait_for_more()
        load.stop.set()
    for assessment_id in load.accepted:
        await wait_until_completed(pool, assessment_id)
    assert {name: await pool.fetchval(count) for name, count in WRONG_ROWS.items()} == dict.fromkeys(WRONG_ROWS, 0)
    assert set(load.accepted) == {row["id"] for row in await pool.fetch("SELECT id FROM assessments")}
    assert [service.exits for service in (*fleet.servers, *fleet.workers)] == [[], []]
    # A submission that a killed server had committed, but not counted yet, was answered from what is stored.
    url = fleet.urls[0]
    assert 0 <= len(load.accepted) - await metric(url, SUBMISSIONS) <= 2 * STUDENTS
    assert await metric(url, RESTARTS) == 2


async def test_processes_share_metrics_have_names_and_stop_together(
    fleet: Fleet, balancer: Balancer, bank: Bank, pool: Pool
) -> None:
    fleet.processes = 2
    await fleet.start(servers=1, workers=0)
    [server] = fleet.servers
    clients = [PatientClient(balancer, f"student-{number}") for number in range(8)]
    paths = [await start_and_answer(client, bank, "Water rises.") for client in clients]
    await submit(clients[0], paths[0])
    children = server.children()
    for stopped in children.values():
        # The other one answers, whichever has counted.
        os.kill(stopped, signal.SIGSTOP)
        assert await metric(fleet.urls[0], SUBMISSIONS) == 1
        os.kill(stopped, signal.SIGCONT)

    async def connected() -> bool:
        rows = await pool.fetch("SELECT application_name AS name FROM pg_stat_activity")
        return {f"assay serve {number} (pid {pid})" for number, pid in children.items()} <= {
            row["name"] for row in rows
        }

    await until(connected, 60)
    polls = [
        asyncio.create_task(client.send_once("GET", f"{path}/status?wait=60"))
        for client, path in zip(clients, paths, strict=True)
    ]

    async def arrived() -> bool:
        return balancer.in_flight[fleet.urls[0]] == len(polls)

    await until(arrived, 60)
    assert server.count_logged("serving") == 1
    assert await server.end(signal.SIGTERM) == 0
    assert {(await poll).status for poll in polls} == {200}
    await until_gone(*children.values())
    stopping = fleet.log_lines_with('"event": "stopping"')
    assert sorted('"process": 2' in line for line in stopping) == [False, True]


async def test_a_killed_supervisor_leaves_no_process_and_its_port_free(
    fleet: Fleet, balancer: Balancer, bank: Bank, pool: Pool
) -> None:
    fleet.processes = 2
    await fleet.start(servers=1, workers=1)
    services = (*fleet.servers, *fleet.workers)
    children = [pid for service in services for pid in service.children().values()]
    assert [await service.end(signal.SIGKILL) for service in services] == [-signal.SIGKILL] * 2
    await until_gone(*children)
    await asyncio.gather(*(service.wait_until_ready() for service in services))
    client = PatientClient(balancer, "student-1")
    assert (await client.send_once("GET", "/tracks")).status == 200

    async def workers_alive() -> bool:
        return len(await list_alive(pool)) == 2

    await until(workers_alive, 60)
    assert len(list(fleet.logs.glob("assay-metrics-*"))) == 1
