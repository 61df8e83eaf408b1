"""Event streams and long polls end when the token of their caller does."""

import asyncio
import time
from dataclasses import replace
from uuid import UUID

from structlog.testing import capture_logs

from app.http.app_keys import CHANGE_HUB
from app.repositories.sql import Pool
from app.services.assessments.change_hub import ChangeHub
from tests.api import Api
from tests.fakes.conditions import until

SECONDS = 40.0
ENDED = {"event": "stream_ended_with_credential", "log_level": "debug"}


def expiring(api: Api, seconds: int) -> tuple[Api, int]:
    """The same caller with a token of so many seconds, and when it ends."""
    end = int(time.time()) + seconds
    return replace(api, claims={"exp": end}), end


async def read_stream(api: Api, path: str) -> bytes:
    """All that an event stream sends until the server ends it."""
    async with asyncio.timeout(SECONDS):
        reply = await api.get(f"{path}/events")
    assert reply.status == 200
    return reply.raw


async def test_an_event_stream_ends_with_its_token(api: Api, path: str) -> None:
    short, end = expiring(api, 2)
    with capture_logs() as logs:
        sent = await read_stream(short, path)
    assert time.time() >= end
    assert sent.count(b"event: status") == 1
    [line] = [line for line in logs if line["event"] == ENDED["event"]]
    assert line.items() >= (ENDED | {"revoked": False}).items()


async def test_an_event_stream_with_a_change_each_moment_ends_with_its_token(api: Api, path: str, pool: Pool) -> None:
    hub: ChangeHub = api.client.app[CHANGE_HUB]
    short, _ = expiring(api, 2)

    async def change() -> None:
        while True:
            await pool.execute("UPDATE assessments SET revision = revision + 1")
            hub.reader.schedule([UUID(path.rsplit("/", 1)[1])])
            await asyncio.sleep(0)

    changing = asyncio.create_task(change())
    sent = await read_stream(short, path)
    changing.cancel()
    assert sent.count(b"event: status") > 1


async def test_a_token_in_its_leeway_has_a_stream_for_the_rest_of_it(api: Api, path: str) -> None:
    late, end = expiring(api, -1)
    assert b"event: status" in await read_stream(late, path)
    assert time.time() >= end + 5


async def test_an_event_stream_ends_when_its_credential_is_revoked(api: Api, path: str) -> None:
    hub: ChangeHub = api.client.app[CHANGE_HUB]
    reading = asyncio.create_task(read_stream(api, path))

    async def waits() -> bool:
        return any(watched.waits for watched in hub._watched.values())

    await until(waits)
    with capture_logs() as logs:
        hub.end_waits_of(api.sub)
        await reading
    assert [line["revoked"] for line in logs if line["event"] == ENDED["event"]] == [True]


async def test_a_long_poll_answers_when_its_token_ends(api: Api, path: str) -> None:
    known = (await api.get(f"{path}/status")).headers["ETag"]
    for headers, status in (({"If_None_Match": known}, 304), ({}, 200)):
        short, end = expiring(api, 2)
        async with asyncio.timeout(SECONDS):
            reply = await short.get(f"{path}/status?wait=60", **headers)
        assert (reply.status, reply.headers["ETag"]) == (status, known)
        assert time.time() >= end


async def test_a_token_of_thousands_of_years_waits_as_long_as_it_asked(api: Api, path: str) -> None:
    known = (await api.get(f"{path}/status")).headers["ETag"]
    lasting = replace(api, claims={"exp": 253_402_300_799})
    assert (await lasting.get(f"{path}/status?wait=1", If_None_Match=known)).status == 304
