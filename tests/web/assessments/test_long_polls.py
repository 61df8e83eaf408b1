"""Long polls: answered by a change or at the deadline; and waiters are freed at the end."""

import asyncio
from pathlib import Path
from uuid import UUID

import aiohttp
import pytest
from redis.asyncio import Redis

from app.http.app_keys import CHANGE_HUB
from app.local.embedded import EmbeddedValkey
from app.repositories.sql import Pool
from app.services.assessments.change_hub import ChangeHub
from app.settings import Settings, load_settings
from tests.api import Api, Reply
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.held_postgres_response import hold_postgres_response
from tests.job_runner import Finish
from tests.web.conftest import Serve
from tests.web.problems import problem

BUMP = "UPDATE assessments SET revision = revision + 1 WHERE id = ANY($1)"


def hub(api: Api) -> ChangeHub:
    change_hub: ChangeHub = api.client.app[CHANGE_HUB]
    return change_hub


async def waiting(api: Api, count: int) -> None:
    """Waits until so many clients wait for a change."""

    async def they_do() -> bool:
        return hub(api).waiting == count

    await until(they_do)


async def tag(api: Api, path: str) -> str:
    return (await api.get(f"{path}/status")).headers["ETag"]


def poll(api: Api, path: str, wait: int = 60, **headers: str) -> "asyncio.Task[Reply]":
    return asyncio.create_task(api.get(f"{path}/status?wait={wait}", **headers))


async def answered(waiter: "asyncio.Task[Reply]") -> Reply:
    """The answer, which has to come long before the end of the wait, when it would be right in any case."""

    async def done() -> bool:
        return waiter.done()

    await until(done, 40)
    return await waiter


async def test_a_change_answers_at_once(api: Api, path: str, bank: Bank) -> None:
    known = await tag(api, path)
    waiter = poll(api, path, If_None_Match=known)
    await waiting(api, 1)
    assert (await api.post(f"{path}/submit", {"responses": bank.all_answers()})).status == 202
    reply = await answered(waiter)
    assert (reply.status, reply.body["status"], reply.headers["ETag"] != known) == (200, "submitted", True)
    assert reply.headers["Retry-After"] and "Preference-Applied" not in reply.headers
    await waiting(api, 0)


async def test_a_change_through_another_server_answers_the_poll(serve: Serve, bank: Bank, api: Api, path: str) -> None:
    other = await serve()
    waiter = poll(api, path, If_None_Match=await tag(api, path))
    await waiting(api, 1)
    assert (await other.post(f"{path}/submit")).status == 202
    assert (await answered(waiter)).body["status"] == "submitted"


async def test_without_a_change_the_answer_comes_at_the_deadline(api: Api, path: str) -> None:
    known = await tag(api, path)
    reply = await poll(api, path, 1, If_None_Match=known)
    assert (reply.status, reply.raw, reply.headers["ETag"]) == (304, b"", known)
    assert reply.headers["Retry-After"] and reply.headers["Cache-Control"] == "private, no-cache"
    reply = await poll(api, path, 1)
    assert (reply.status, reply.body["status"]) == (200, "in_progress")


async def test_the_poll_after_a_deadline_is_answered_as_the_first_one(api: Api, path: str, pool: Pool) -> None:
    known = await tag(api, path)
    assert (await poll(api, path, 1, If_None_Match=known)).status == 304
    problem(await poll(api.as_("student", sub="student-2"), path, If_None_Match=known), 403, "forbidden")
    assert (await poll(api, path, If_None_Match='"0"')).headers["ETag"] == known
    waiter = poll(api, path, If_None_Match=known)
    await waiting(api, 1)
    assert (await api.post(f"{path}/submit")).status == 202
    changed = (await answered(waiter)).headers["ETag"]
    # The status has changed to one that is not final either.
    assert (await poll(api, path, 1, If_None_Match=changed)).status == 304


async def test_without_a_tag_it_waits_for_the_end(api: Api, path: str, finish: Finish) -> None:
    await api.post(f"{path}/submit")
    waiter = poll(api, path)
    await waiting(api, 1)
    await finish()
    reply = await answered(waiter)
    assert (reply.status, reply.body["status"], "Retry-After" in reply.headers) == (200, "completed", False)


async def test_a_final_status_is_never_waited_for(api: Api, path: str, finish: Finish) -> None:
    await api.post(f"{path}/submit")
    await finish()
    assert (await poll(api, path)).status == 200
    known = await tag(api, path)
    assert (await poll(api, path, If_None_Match=known)).status == 304
    assert (await poll(api, path, If_None_Match='"1"')).status == 200


async def test_only_the_present_tag_waits(api: Api, path: str) -> None:
    assert (await poll(api, path, If_None_Match="*")).status == 304
    assert (await poll(api, path, If_None_Match='"7777"')).status == 200
    assert (await poll(api, path, 1, If_None_Match=f'"7777", W/{await tag(api, path)}')).status == 304


@pytest.mark.parametrize("wait", ["61", "-1", "abc", "", "1.5", "+5", " 5", "1e1", "٣", "9" * 20, "5&wait=5"])
async def test_a_bad_wait_is_refused(api: Api, path: str, wait: str) -> None:
    problem(await api.get(f"{path}/status?wait={wait}"), 400, "bad-query")


@pytest.mark.parametrize("wait", ["0", "00", "60"])
async def test_the_shortest_and_the_longest_wait(api: Api, path: str, wait: str) -> None:
    reply = await api.get(f"{path}/status?wait={wait}", If_None_Match='"7777"')
    assert reply.status == 200


async def test_existence_and_permission_are_checked_before_the_query(api: Api, path: str) -> None:
    other = api.as_("student", sub="student-2")
    problem(await other.get(f"{path}/status?wait=abc"), 403, "forbidden")
    problem(await other.get(f"{path}/status?wait=30"), 403, "forbidden")
    nobody = f"/assessments/{UUID(int=7)}/status"
    problem(await api.get(f"{nobody}?wait=-1"), 404, "not-found")
    problem(await api.get(f"{nobody}?wait=30"), 404, "not-found")
    await waiting(api, 0)


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("wait=1", "wait=1"),
        ("WAIT = 1", "wait=1"),
        ('respond-async, wait="1"; x=2', "wait=1"),
        ("wait=0", "wait=0"),
        ("wait=1, wait=60", "wait=1"),
        ("wait=61", None),
        ("wait=-1", None),
        ("wait", None),
        ("wait=", None),
        ("waiter=1", None),
        ('x="wait=1"', None),
    ],
)
async def test_a_preference_is_applied_or_ignored(api: Api, path: str, prefer: str, applied: str | None) -> None:
    reply = await api.get(f"{path}/status", Prefer=prefer, If_None_Match=await tag(api, path))
    assert (reply.status, reply.headers.get("Preference-Applied")) == (304, applied)


async def test_the_query_beats_the_preference(api: Api, path: str) -> None:
    reply = await api.get(f"{path}/status?wait=0", Prefer="wait=60", If_None_Match=await tag(api, path))
    assert (reply.status, "Preference-Applied" in reply.headers) == (304, False)
    problem(await api.get(f"{path}/status?wait=x", Prefer="wait=1"), 400, "bad-query")


async def test_a_change_between_reading_and_waiting_is_not_missed(
    serve: Serve, settings: Settings, api: Api, path: str
) -> None:
    """A poll's read has passed Postgres but not arrived yet; a change is published before the poll begins to wait."""
    known = await tag(api, path)
    async with hold_postgres_response(settings.secret("database_url"), b"AS rule_scores") as (url, held):
        slow = await serve(database_url=load_settings(database_url=url).database_url)
        await until(lambda: _listening(settings, 2))
        # Not the owner, for whose next poll nothing would be read.
        assert (await poll(slow.as_("advisor"), path, If_None_Match='"7777"')).status == 200
        async with asyncio.timeout(20):
            await held.passed.wait()
            waiter = poll(slow, path, If_None_Match=known)
            await held.sent.wait()
        assert (await api.post(f"{path}/submit")).status == 202

        async def noticed() -> bool:
            return any(watched.revision > int(known.strip('"')) for watched in hub(slow)._watched.values())

        await until(noticed)
        held.release()
        reply = await answered(waiter)
    assert (reply.status, reply.body["status"]) == (200, "submitted")


async def _listening(settings: Settings, servers: int) -> bool:
    async with Redis.from_url(settings.secret("redis_url")) as redis:
        return bool(dict(await redis.pubsub_numsub("assay:changed"))[b"assay:changed"] == servers)


async def test_a_client_that_goes_away_frees_its_waiter(api: Api, path: str) -> None:
    waiters = [poll(api, path, If_None_Match=await tag(api, path)) for _ in range(20)]
    await waiting(api, 20)
    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)
    await waiting(api, 0)


async def test_waiting_holds_no_connection(api: Api, path: str) -> None:
    known = await tag(api, path)
    waiters = [poll(api, path, If_None_Match=known) for _ in range(80)]
    await waiting(api, 80)
    assert {(await api.get(path)).status for _ in range(20)} == {200}
    assert (await api.post(f"{path}/submit")).status == 202
    assert {reply.status for reply in await asyncio.gather(*waiters)} == {200}


async def test_a_server_that_stops_answers_its_waiting_polls(api: Api, path: str) -> None:
    known = await tag(api, path)
    tagged, untagged = poll(api, path, If_None_Match=known), poll(api, path)
    await waiting(api, 2)
    hub(api).stop()
    assert ((await tagged).status, (await untagged).body["status"]) == (304, "in_progress")
    assert (await poll(api, path, If_None_Match=known)).status == 304


async def test_without_redis_a_change_is_seen_within_seconds(serve: Serve, pool: Pool, path: str) -> None:
    without_redis = await serve(redis_url=load_settings(redis_url="redis://127.0.0.1:1").redis_url)
    waiter = poll(without_redis, path, If_None_Match=await tag(without_redis, path))
    await waiting(without_redis, 1)
    await pool.execute(BUMP, [UUID(path.rsplit("/", 1)[1])])
    assert (await answered(waiter)).status == 200


async def test_redis_restarts_while_a_thousand_wait(serve: Serve, pool: Pool, path: str, tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path, durable=False)
    url = await asyncio.to_thread(valkey.start)
    try:
        server = await serve(redis_url=load_settings(redis_url=url).redis_url)
        address, headers = server.client.make_url(f"{path}/status?wait=60"), {"If-None-Match": await tag(server, path)}
        headers["Authorization"] = server.bearer
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            waiters = [asyncio.create_task(session.request("GET", address, headers=headers)) for _ in range(1000)]
            await waiting(server, 1000)
            await asyncio.to_thread(valkey.kill)
            await pool.execute(BUMP, [UUID(path.rsplit("/", 1)[1])])
            assert await asyncio.to_thread(valkey.start) == url
            assert {reply.status for reply in await asyncio.gather(*waiters)} == {200}
    finally:
        await asyncio.to_thread(valkey.kill)
