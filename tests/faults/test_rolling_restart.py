"""Every server and worker is stopped and replaced, one after the other, under load: no request and no work is lost."""

import asyncio
import itertools
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
import orjson
import pytest

from app.repositories.sql import Pool
from tests.api import token
from tests.bank import SLUG, Bank
from tests.fakes.balancer import Balancer, PatientClient
from tests.fakes.conditions import until
from tests.faults.processes import Fleet, Service
from tests.faults.students import wait_until_completed

STUDENTS = 3
# Requests that are answered before the next process is stopped, so that each stop happens under load.
REQUESTS_BETWEEN = 20


@dataclass
class Load:
    """Students who take one assessment after the other until `stop` is set.

    As load balancers do, they send a request again if its connection ended before the answer began.
    """

    balancer: Balancer
    bank: Bank
    submitted: list[UUID] = field(default_factory=list)
    answered: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    async def run_student(self) -> None:
        """Takes assessments."""
        while not self.stop.is_set():
            await self._take_assessment(PatientClient(self.balancer, f"student-{next(self._numbers)}"))

    async def wait_for_requests(self) -> None:
        """Returns when some more requests were answered."""
        wanted = self.answered + REQUESTS_BETWEEN

        async def enough() -> bool:
            return self.answered >= wanted

        await until(enough, 60)

    async def _take_assessment(self, client: PatientClient) -> None:
        started = await self._send(client, 201, "POST", "/assessments", {"track": SLUG}, "start")
        path = f"/assessments/{started['assessment_id']}"
        responses = self.bank.answers(right="B", essay="Water rises in the xylem.")
        await self._send(client, 200, "PATCH", f"{path}/responses", {"responses": responses})
        await self._send(client, 202, "POST", f"{path}/submit", key="submit")
        self.submitted.append(UUID(started["assessment_id"]))

        async def done() -> bool:
            # A server that is stopping answers long polls at once.
            status = await self._send(client, 200, "GET", f"{path}/status?wait=20")
            return bool(status["status"] == "completed")

        await until(done, 60)

    async def _send(
        self, client: PatientClient, status: int, method: str, path: str, json: object = None, key: str | None = None
    ) -> Any:
        try:
            reply = await client.send_once(method, path, json, key)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            reply = await client.send_once(method, path, json, key)
        assert reply.status == status, reply.raw
        self.answered += 1
        return reply.body


@dataclass
class SlowRequest:
    """A submission of which a server has read the head, and answered that with 100 Continue, but not yet the body."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def begin(cls, url: str, path: str, owner: str) -> "SlowRequest":
        """Sends the head."""
        reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        head = (
            f"POST {path} HTTP/1.1",
            "Host: assay",
            f"Authorization: Bearer {token(owner, 'student')}",
            "Content-Type: application/json",
            "Content-Length: 2",
            "Expect: 100-continue",
            "\r\n",
        )
        writer.write("\r\n".join(head).encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        return cls(reader, writer)

    async def finish(self) -> UUID:
        """Sends the body, checks that the submission is accepted, and returns the assessment's id."""
        self.writer.write(b"{}")
        head, _, body = (await self.reader.read()).partition(b"\r\n\r\n")
        self.writer.close()
        await self.writer.wait_closed()
        assert head.startswith(b"HTTP/1.1 202 "), head + body
        return UUID(orjson.loads(body)["assessment_id"])


async def begin_slow_submission(balancer: Balancer, url: str, owner: str) -> SlowRequest:
    """Starts an assessment, and sends the head of its submission to one of the servers."""
    started = await PatientClient(balancer, owner).send_once("POST", "/assessments", {"track": SLUG})
    return await SlowRequest.begin(url, started.headers["Location"] + "/submit", owner)


async def wait_until_stopping(server: Service, processes: int) -> None:
    """Returns when all processes of a server know that they are to stop."""

    async def stopping() -> bool:
        return server.count_logged("stopping") == processes

    await until(stopping, 60)


@pytest.mark.parametrize("processes", [1, 2])
async def test_replacing_every_process_loses_no_request_and_no_work(
    fleet: Fleet, balancer: Balancer, bank: Bank, pool: Pool, processes: int
) -> None:
    fleet.processes = processes
    # The default lease: no heartbeat may be missed just because the machine is busy.
    fleet.settings["JOB_LEASE_SECONDS"] = "15"
    await fleet.start(servers=2, workers=2)
    load = Load(balancer, bank)
    async with asyncio.TaskGroup() as students:
        for _ in range(STUDENTS):
            students.create_task(load.run_student())
        for server, url in zip(fleet.servers, fleet.urls, strict=True):
            await load.wait_for_requests()
            slow_request = await begin_slow_submission(balancer, url, f"slow-{server.name}")
            ending = asyncio.create_task(server.end(signal.SIGTERM))
            await wait_until_stopping(server, processes)
            load.submitted.append(await slow_request.finish())
            assert await ending == 0
            await server.wait_until_ready()
        for worker in fleet.workers:
            await load.wait_for_requests()
            assert await worker.end(signal.SIGTERM) == 0
            await worker.wait_until_ready()
        load.stop.set()
    for assessment_id in load.submitted:
        await wait_until_completed(pool, assessment_id)
    # No request that a server carried out was left unanswered, or its second try would have been replayed. But the
    # system resets a connection that arrives at the very moment when a listening socket closes.
    assert balancer.outcomes["replayed"] == 0, balancer.outcomes
    assert balancer.outcomes["unanswered"] <= len(fleet.servers), balancer.outcomes
    interrupted = "SELECT count(*) FROM async_jobs WHERE status <> 'completed' OR attempts <> 1 OR crashes <> 0"
    assert await pool.fetchval(interrupted) == 0
