"""Every server and worker stopped and replaced, one after the other, under load: nobody notices."""

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

from app.repositories.sql import Pool
from tests.api import token
from tests.bank import SLUG, Bank
from tests.fakes.balancer import Balancer, PatientClient
from tests.fakes.conditions import until
from tests.faults.processes import Fleet
from tests.faults.students import completed

STUDENTS = 3
# Requests that are answered before the next process is stopped, so that each stop comes under load.
BETWEEN = 20


@dataclass
class Load:
    """Students who sit one assessment after the other until they are told to stop.

    As balancers do, they send a request again whose connection ended before a byte of its answer, and with its key.
    """

    balancer: Balancer
    bank: Bank
    submitted: list[UUID] = field(default_factory=list)
    answered: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    async def student(self) -> None:
        """Sits assessments."""
        while not self.stop.is_set():
            await self._sit(PatientClient(self.balancer, f"student-{next(self._numbers)}"))

    async def more(self) -> None:
        """Returns when some more requests were answered."""
        wanted = self.answered + BETWEEN

        async def enough() -> bool:
            return self.answered >= wanted

        await until(enough, 60)

    async def _sit(self, client: PatientClient) -> None:
        started = await self._sent(client, 201, "POST", "/assessments", {"track": SLUG}, "start")
        path = f"/assessments/{started['assessment_id']}"
        responses = self.bank.answers(right="B", essay="Water rises in the xylem.")
        await self._sent(client, 200, "PATCH", f"{path}/responses", {"responses": responses})
        await self._sent(client, 202, "POST", f"{path}/submit", key="submit")
        self.submitted.append(UUID(started["assessment_id"]))

        async def done() -> bool:
            # A server that is told to stop answers those who wait at once.
            shown = await self._sent(client, 200, "GET", f"{path}/status?wait=20")
            return bool(shown["status"] == "completed")

        await until(done, 60)

    async def _sent(
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
    """A submission of which a server has taken the head (it said so) and waits for the body."""

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
        """Sends the body; returns the assessment's id when the answer is that it was accepted."""
        self.writer.write(b"{}")
        head, _, body = (await self.reader.read()).partition(b"\r\n\r\n")
        self.writer.close()
        await self.writer.wait_closed()
        assert head.startswith(b"HTTP/1.1 202 "), head + body
        return UUID(orjson.loads(body)["assessment_id"])


async def slow(balancer: Balancer, url: str, owner: str) -> SlowRequest:
    """A slow submission at one of the servers."""
    started = await PatientClient(balancer, owner).send_once("POST", "/assessments", {"track": SLUG})
    return await SlowRequest.begin(url, started.headers["Location"] + "/submit", owner)


async def test_replacing_every_process_loses_no_request_and_no_work(
    fleet: Fleet, balancer: Balancer, bank: Bank, pool: Pool
) -> None:
    # The usual lease: no heartbeat may be missed only because everything runs on a few cores.
    fleet.settings["JOB_LEASE_SECONDS"] = "15"
    await fleet.start(servers=2, workers=2)
    load = Load(balancer, bank)
    async with asyncio.TaskGroup() as students:
        for _ in range(STUDENTS):
            students.create_task(load.student())
        for server, url in zip(fleet.servers, fleet.urls, strict=True):
            await load.more()
            begun = await slow(balancer, url, f"slow-{server.name}")
            ending = asyncio.create_task(server.end(signal.SIGTERM))
            await server.says("stopping")
            load.submitted.append(await begun.finish())
            assert await ending == 0
            await server.ready()
        for worker in fleet.workers:
            await load.more()
            assert await worker.end(signal.SIGTERM) == 0
            await worker.ready()
        load.stop.set()
    for assessment_id in load.submitted:
        await completed(pool, assessment_id)
    # Nothing that a server did was left unanswered: no second try found its work done. But a connection that comes in
    # the very moment in which a listening socket closes is reset by the system.
    assert balancer.outcomes["replayed"] == 0, balancer.outcomes
    assert balancer.outcomes["unanswered"] <= len(fleet.servers), balancer.outcomes
    rows = "SELECT count(*) FROM async_jobs WHERE status <> 'completed' OR attempts <> 1 OR crashes <> 0"
    assert await pool.fetchval(rows) == 0
