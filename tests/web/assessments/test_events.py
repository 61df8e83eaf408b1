"""Server-sent events: the present status at once, each change, and the end of the stream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiohttp
import orjson
import pytest

from app.http.app_keys import CHANGE_HUB, CONTEXT
from app.repositories.sql import Pool
from app.services.assessments.change_hub import ChangeHub
from tests.api import Api
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.job_runner import Finish
from tests.web.problems import problem

SECONDS = 40.0


@dataclass(frozen=True)
class Event:
    """An event with its data parsed as JSON."""

    id: str
    event: str
    data: Any


@dataclass(frozen=True)
class Stream:
    """An open stream."""

    reply: aiohttp.ClientResponse

    async def block(self) -> dict[str, str]:
        """The next block of lines by their names; comments under an empty name. Empty at the end of the stream."""
        lines: dict[str, str] = {}
        async with asyncio.timeout(SECONDS):
            while (line := (await self.reply.content.readline()).decode()).strip():
                name, _, value = line.strip().partition(":")
                lines[name] = value.strip()
        return lines

    async def event(self) -> Event:
        """The next event."""
        lines = await self.block()
        return Event(lines["id"], lines["event"], orjson.loads(lines["data"]))


@asynccontextmanager
async def stream(api: Api, path: str, **headers: str) -> AsyncIterator[Stream]:
    all_headers = {"Authorization": api.bearer} | {name.replace("_", "-"): value for name, value in headers.items()}
    async with api.client.get(f"{path}/events", headers=all_headers) as reply:
        yield Stream(reply)


def hub(api: Api) -> ChangeHub:
    change_hub: ChangeHub = api.client.app[CHANGE_HUB]
    return change_hub


async def nobody_waits(api: Api) -> None:
    async def none() -> bool:
        return hub(api).waiting == 0

    await until(none)


async def test_a_stream_shows_each_change_and_ends_with_the_last(
    api: Api, path: str, bank: Bank, finish: Finish
) -> None:
    async with stream(api, path) as events:
        assert (events.reply.status, events.reply.headers["Content-Type"]) == (200, "text/event-stream")
        assert events.reply.headers["Cache-Control"] == "private, no-cache"
        assert events.reply.headers["X-Request-ID"]
        first = await events.event()
        now = await api.get(f"{path}/status")
        assert (first.event, first.data, f'"{first.id}"') == ("status", now.body, now.headers["ETag"])
        await api.post(f"{path}/submit", {"responses": bank.all_answers()})
        seen = [first, await events.event()]
        assert seen[-1].data["status"] == "submitted"
        await finish()
        while seen[-1].data["status"] != "completed":
            seen.append(await events.event())
        assert await events.block() == {}
    numbers = [int(event.id) for event in seen]
    assert numbers == sorted(set(numbers))
    await nobody_waits(api)


async def test_a_client_that_reconnects_gets_the_change_that_it_missed(api: Api, path: str) -> None:
    async with stream(api, path) as events:
        seen = await events.event()
    await nobody_waits(api)
    await api.post(f"{path}/submit")
    async with stream(api, path, Last_Event_ID=seen.id) as events:
        missed = await events.event()
    assert (missed.data["status"], int(missed.id) > int(seen.id)) == ("submitted", True)


async def test_a_client_that_missed_nothing_waits_for_the_next_change(api: Api, path: str) -> None:
    async with stream(api, path) as events:
        seen = await events.event()
    async with stream(api, path, Last_Event_ID=seen.id) as events:
        await api.post(f"{path}/submit")
        assert (await events.event()).data["status"] == "submitted"


@pytest.mark.parametrize("last", ["abc", "-1", "99999999999999999999", ""])
async def test_an_unknown_last_event_is_ignored(api: Api, path: str, last: str) -> None:
    async with stream(api, path, Last_Event_ID=last) as events:
        assert (await events.event()).data["status"] == "in_progress"


async def test_a_client_that_has_seen_the_final_event_gets_204(api: Api, path: str, finish: Finish) -> None:
    await api.post(f"{path}/submit")
    await finish()
    async with stream(api, path, Last_Event_ID="1") as events:
        final = await events.event()
        assert (final.data["status"], await events.block()) == ("completed", {})
    async with stream(api, path, Last_Event_ID=final.id) as events:
        assert (events.reply.status, await events.reply.read()) == (204, b"")


async def test_an_idle_stream_sends_comments(api: Api, path: str) -> None:
    async with stream(api, path) as events:
        await events.event()
        assert "" in await events.block()


async def test_streams_check_existence_and_permission(api: Api, path: str) -> None:
    problem(await api.as_("student", sub="student-2").get(f"{path}/events"), 403, "forbidden")
    problem(await api.get("/assessments/00000000-0000-0000-0000-000000000007/events"), 404, "not-found")
    await nobody_waits(api)


async def test_a_server_that_stops_ends_its_streams(api: Api, path: str) -> None:
    async with stream(api, path) as events:
        await events.event()
        hub(api).stop()
        assert await events.block() == {}


async def test_quick_changes_are_sent_together_and_always_the_last(api: Api, path: str, pool: Pool) -> None:
    assessment_id, loop, changes = UUID(path.rsplit("/", 1)[1]), asyncio.get_running_loop(), 30
    async with stream(api, path) as events:
        seen = [int((await events.event()).id)]
        started = loop.time()
        for _ in range(changes):
            await pool.execute("UPDATE assessments SET revision = revision + 1 WHERE id = $1", assessment_id)
            api.client.app[CONTEXT].change_feed.publish(assessment_id)
        while seen[-1] < seen[0] + changes:
            seen.append(int((await events.event()).id))
    assert len(seen) <= 2 + (loop.time() - started) / 0.2


async def test_one_assessment_has_a_limited_number_of_waiting_clients(api: Api, path: str) -> None:
    hub(api)._max_waiters_of_assessment = 2
    advisor, stranger = api.as_("advisor"), api.as_("student", sub="student-2")
    async with stream(api, path) as first, stream(advisor, path) as second:
        await first.event()
        await second.event()
        for target in (f"{path}/events", f"{path}/status?wait=9"):
            for caller in (api, advisor):
                reply = await caller.get(target)
                problem(reply, 429, "too-many-waits")
                assert int(reply.headers["Retry-After"]) > 0
            # Existence and permission come first; and who does not wait needs no place.
            problem(await stranger.get(target), 403, "forbidden")
        assert (await api.get(f"{path}/status")).status == 200
    await nobody_waits(api)
    async with stream(api, path) as events:
        await events.event()
